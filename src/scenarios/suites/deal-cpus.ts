/**
 * On which CPU each actor of a round runs.
 */

/** Gives the next CPU each time, beginning elsewhere in each round, so that all get their share. */
export function dealCpus(round: number, cpus: number): () => number {
  let next = round % cpus;
  return () => {
    const cpu = next;
    next = (next + 1) % cpus;
    return cpu;
  };
}
