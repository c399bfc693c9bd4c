/**
 * Tasks of one CPU that wait for each other without sleeping: cond_resched lets the other one run.
 */
import type { Kernel } from '../../machine/kernel.ts';
import { memory, staticWords } from '../../shared/memory.ts';
import { condResched } from '../../shared/task.ts';
import { Marked } from '../../shared/word.ts';
import { BOTH_SPIN_LOCKS, type Litmus, scenarioName } from './litmus.ts';

const TASKS = 2;

/** Each in turn makes the number one higher. */
const turns: Litmus = {
  name: 'cond-resched/turns',
  spinLocks: BOTH_SPIN_LOCKS,
  scenario: ({ iterations }) => ({
    name: scenarioName('cond-resched/turns', iterations),
    title: 'a task that waits in a loop of cond_resched lets the other one of its CPU run',
    cpus: 1,
    staticWords: 1,
    outcomes: [`${TASKS * iterations} turns`],
    build() {
      const turn = new Marked(staticWords(1));
      const actor = (who: number) => ({
        name: `task${who}`,
        cpu: 0,
        *run(): Kernel<void> {
          for (let i = 0; i < iterations; i++) {
            while ((yield* turn.read(HERE)) % TASKS !== who) yield* condResched(HERE);
            yield* turn.write(TASKS * i + who + 1, HERE);
          }
        },
      });
      return {
        // The one whose turn comes second is the first to run.
        actors: [actor(1), actor(0)],
        outcome: () => `${memory.words[turn.word]} turns`,
      };
    },
  }),
};

export const turnTests: readonly Litmus[] = [turns];
