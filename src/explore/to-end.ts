/** Does work that gives way between its steps, at one go. */
export function toEnd<T>(work: Generator<unknown, T, void>): T {
  let turn = work.next();
  while (turn.done !== true) turn = work.next();
  return turn.value;
}
