/**
 * Tasks of one CPU that wait for each other without sleeping: cond_resched lets the others run.
 */
import type { Kernel } from '../../machine/kernel.ts';
import { COMPLETION_WORDS, complete, declareCompletion, waitForCompletion } from '../../shared/completion.ts';
import { memory, staticWords } from '../../shared/memory.ts';
import { condResched } from '../../shared/task.ts';
import { Marked } from '../../shared/word.ts';
import { BOTH_SPIN_LOCKS, type Litmus, scenarioName, until } from './litmus.ts';

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
        // On threads the first one runs first: it is the one that has to wait.
        actors: [actor(1), actor(0)],
        outcome: () => `${memory.words[turn.word]} turns`,
      };
    },
  }),
};

/**
 * On threads the looper is alone on its CPU until the waker wakes the sleeper:
 *
 *   CPU0 sleeper                CPU0 looper                      CPU1 waker
 *   sleeps
 *                               cond_resched, again and again
 *                                                                wakes it
 *   counts
 *                               sees the count, goes on          sees it too
 */
const woken: Litmus = {
  name: 'cond-resched/woken',
  spinLocks: BOTH_SPIN_LOCKS,
  scenario: ({ iterations }) => ({
    name: scenarioName('cond-resched/woken', iterations),
    title: 'a task that waits in a loop of cond_resched lets one run that another CPU wakes',
    cpus: 2,
    staticWords: 1 + COMPLETION_WORDS,
    outcomes: [`${iterations} times woken`],
    build() {
      const count = new Marked(staticWords(1));
      const called = declareCompletion('&litmus->called');
      return {
        actors: [
          {
            name: 'sleeper',
            cpu: 0,
            *run(): Kernel<void> {
              for (let i = 0; i < iterations; i++) {
                yield* waitForCompletion(called, HERE);
                yield* count.write(i + 1, HERE);
              }
            },
          },
          {
            name: 'looper',
            cpu: 0,
            *run(): Kernel<void> {
              while ((yield* count.read(HERE)) < iterations) yield* condResched(HERE);
            },
          },
          {
            name: 'waker',
            cpu: 1,
            *run(): Kernel<void> {
              for (let i = 0; i < iterations; i++) {
                yield* complete(called, HERE);
                yield* until(count, (value) => value > i);
              }
            },
          },
        ],
        outcome: () => `${memory.words[count.word]} times woken`,
      };
    },
  }),
};

export const turnTests: readonly Litmus[] = [turns, woken];
