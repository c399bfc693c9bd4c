/**
 * Makes the moves of a list of choices again. It leaves its rails when a move or an answer is not possible: the program is
 * another one than that of the list.
 */
import { CHOICE_LATE, type ChoiceKind } from '../../machine/kernel.ts';
import { choicesOf } from '../choices.ts';
import { type Moves, type Strategy, TURN_GIVE_UP, TURN_MADE, TURN_NONE, type Turn } from '../strategy.ts';

export interface Divergence {
  /** Number of the choice, from 0. */
  readonly choice: number;
  readonly message: string;
}

export class Replay implements Strategy {
  readonly #choices: readonly number[];
  #next = 0;
  /** Where the run left the list; null while it has not. */
  divergence: Divergence | null = null;

  /** `pairs`: what ChoiceList gave. */
  constructor(pairs: Int32Array) {
    this.#choices = [...choicesOf(pairs)];
  }

  begin(_run: number): void {
    this.#next = 0;
    this.divergence = null;
  }

  next(moves: Moves): Turn {
    const process = this.#choices[this.#next];
    const count = moves.collect();
    // The parts of a program end where nothing can move.
    if (count === 0) return TURN_NONE;
    if (process === undefined) return this.#leave('the list ends, but the run does not');
    for (let index = 0; index < count; index++) {
      if (moves.mover(index).process !== process) continue;
      this.#next++;
      moves.take(index);
      return TURN_MADE;
    }
    return this.#leave(process < 0 ? 'a data choice is expected' : `process ${process} cannot move`);
  }

  choose(kind: ChoiceKind, count: number): number {
    const answer = -1 - (this.#choices[this.#next++] ?? 0);
    // Who is woken although nothing can move then moves without a further choice.
    if (kind === CHOICE_LATE && answer > 0) this.#next++;
    if (answer >= 0 && answer < count) return answer;
    this.#leave(`a data choice of ${count} values is asked`);
    return 0;
  }

  #leave(message: string): Turn {
    this.divergence ??= { choice: this.#next, message };
    return TURN_GIVE_UP;
  }
}
