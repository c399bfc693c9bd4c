/**
 * The words of a table line, taken from the left.
 *
 * Models struct dm_arg_set, dm_shift_arg, dm_read_arg and dm_read_arg_group of dm-table.c. A wrong word is thrown as the
 * reason of the refusal; it is caught in the constructor and reaches no other kernel code.
 */

/** Why a table line is refused. */
export class Refusal extends Error {}

export class Arguments {
  readonly #words: readonly string[];
  #next = 0;

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  get left(): number {
    return this.#words.length - this.#next;
  }

  /** The next word, or '' when none is left. */
  shift(): string {
    return this.#words[this.#next++] ?? '';
  }

  /** The next words. */
  take(count: number): readonly string[] {
    this.#next += count;
    return this.#words.slice(this.#next - count, this.#next);
  }

  /** A number between `min` and `max`. */
  number(min: number, max: number, reason: string): number {
    const word = this.shift();
    const value = Number(word);
    if (!/^\d{1,9}$/.test(word) || value < min || value > max) throw new Refusal(reason);
    return value;
  }

  /** A number of words, and then those words. */
  group(max: number, reason: string): Arguments {
    const count = this.number(0, max, reason);
    if (count > this.left) throw new Refusal(reason);
    return new Arguments(this.take(count));
  }
}
