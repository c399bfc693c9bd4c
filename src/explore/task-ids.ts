/**
 * Names of tasks and interrupts that are the same in each run of a program, whatever the interleaving, as small numbers.
 *
 *   2 · n       a task: n counts those that the parts of the program start, from 1; the k-th task that task n starts is
 *               64 · n + k
 *   2 · p + 1   the interrupts of one line, CPU and depth: their process number (context.ts)
 */
import type { Context } from './context.ts';
import type { Choices } from './schedule.ts';

const CHILDREN = 64;
/** Nothing that has an id: before the first step. */
export const NOBODY = 0;

export class TaskIds {
  readonly #ids = new Map<number, number>();
  readonly #children = new Map<number, number>();

  clear(): void {
    this.#ids.clear();
    this.#children.clear();
  }

  /** `parent` started a task; null: nobody did. */
  spawned(child: Context, parent: Context | null): void {
    const id = parent === null ? NOBODY : this.of(parent);
    const nth = (this.#children.get(id) ?? 0) + 1;
    this.#children.set(id, nth);
    // Interrupts start tasks too (ksoftirqd): far above the tasks of tasks.
    const above = id % 2 === 0 ? id / 2 : CHILDREN * CHILDREN * id;
    this.#ids.set(child.process, 2 * (nth < CHILDREN ? CHILDREN * above + nth : CHILDREN ** 4 * (above + 1) + nth));
  }

  of(context: Context): number {
    return context.task === null ? 2 * context.process + 1 : (this.#ids.get(context.process) ?? NOBODY);
  }
}

/** Tasks that start before the actors do: the interrupt actor and setup. */
const BEFORE_ACTORS = 2;

/** Choices for a program that lacks one of its actors: what is about that one goes, and who comes after moves up. */
export function withoutActor({ deviations, answers }: Choices, missing: number): Choices {
  const gone = BEFORE_ACTORS + missing + 1;
  const moved = (id: number): number => {
    const root = id / 2;
    // Interrupts, and tasks of tasks, whose first digit is the task of the program.
    if (id % 2 === 1 || root >= CHILDREN) return id;
    return root > gone ? id - 2 : id;
  };
  const stays = (id: number): boolean => id !== 2 * gone;
  return {
    deviations: deviations
      .filter(({ task, to }) => stays(task) && stays(to))
      .map(({ task, count, to }) => ({ task: moved(task), count, to: moved(to) })),
    answers: answers.filter(({ task }) => stays(task)).map((answer) => ({ ...answer, task: moved(answer.task) })),
  };
}
