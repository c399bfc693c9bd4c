/**
 * Vector clocks: what each process knows of the others.
 *
 * A clock is an array with a count for each process; `a` happens before `b` when b's clock has a's own count. Clocks grow with
 * the number of processes, which is small, so they are plain arrays of numbers.
 */

/** Counts by process number; missing entries are 0. */
export type Clock = number[];

/** `into` learns what `from` knows. */
export function join(into: Clock, from: Clock): void {
  for (let process = 0; process < from.length; process++) {
    const count = from[process] as number;
    if (process >= into.length) into.push(count);
    else if ((into[process] as number) < count) into[process] = count;
  }
}

/** `into` knows what `from` knows and nothing else; keeps its room. */
export function copy(into: Clock, from: Clock): void {
  for (let process = 0; process < from.length; process++) {
    const count = from[process] as number;
    if (process >= into.length) into.push(count);
    else into[process] = count;
  }
  for (let process = from.length; process < into.length; process++) into[process] = 0;
}
