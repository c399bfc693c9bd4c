/**
 * Who listens to the runs of the model machine: coverage, the race detector.
 */
import type { ChoiceKind } from '../machine/kernel.ts';
import type { Context } from './context.ts';

/** Hears all that makes one run differ from another. */
export interface RunListener {
  begin(): void;
  moving(context: Context): void;
  /**
   * What a data choice of the running step came to, asked or not; `word` is the alarm's state word when it is which alarm goes
   * off, else 0.
   */
  chose(kind: ChoiceKind, value: number, word: number): void;
  freed(slot: number): void;
  /** A task has been started; `parent` is null for those of a part of the program. */
  spawned?(context: Context, parent: Context | null): void;
  /** The step is over. */
  rested?(): void;
}

/** Two listeners as one. */
export class Both implements RunListener {
  readonly #first: RunListener;
  readonly #second: RunListener;

  constructor(first: RunListener, second: RunListener) {
    this.#first = first;
    this.#second = second;
  }

  begin(): void {
    this.#first.begin();
    this.#second.begin();
  }

  moving(context: Context): void {
    this.#first.moving(context);
    this.#second.moving(context);
  }

  chose(kind: ChoiceKind, value: number, word: number): void {
    this.#first.chose(kind, value, word);
    this.#second.chose(kind, value, word);
  }

  freed(slot: number): void {
    this.#first.freed(slot);
    this.#second.freed(slot);
  }

  spawned(context: Context, parent: Context | null): void {
    this.#first.spawned?.(context, parent);
    this.#second.spawned?.(context, parent);
  }

  rested(): void {
    this.#first.rested?.();
    this.#second.rested?.();
  }
}
