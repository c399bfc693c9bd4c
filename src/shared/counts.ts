/**
 * How often each of several things was seen.
 */
export function addTo<T>(counts: Map<T, number>, what: T, times = 1): void {
  counts.set(what, (counts.get(what) ?? 0) + times);
}
