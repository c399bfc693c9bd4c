/**
 * Mutual exclusion: one at a time is inside, and what it does there is not lost.
 */
import { report } from '../../machine/finding.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { memory, staticWords } from '../../shared/memory.ts';
import { Marked } from '../../shared/word.ts';
import { BOTH_SPIN_LOCKS, type Litmus, scenarioName } from './litmus.ts';
import { bustedKind, type LockKind, lockKinds } from './lock-kinds.ts';

/** What a critical section checks itself with. Declares two words. */
export class CriticalSection {
  readonly #inside = new Marked(staticWords(1));
  readonly #count = new Marked(staticWords(1));

  /** To be run with the lock held; `who` is not 0. */
  *enter(who: number): Kernel<void> {
    yield* this.#expect(0, who);
    yield* this.#inside.write(who, HERE);
    const count = yield* this.#count.read(HERE);
    yield* this.#count.write(count + 1, HERE);
    yield* this.#expect(who, who);
    yield* this.#inside.write(0, HERE);
  }

  *#expect(expected: number, who: number): Kernel<void> {
    const inside = yield* this.#inside.read(HERE);
    if (inside === expected) return;
    const other = inside === 0 ? 'somebody has left' : `actor ${inside - 1} is inside`;
    report('assertion', '', `actor ${who - 1} is in the critical section and finds that ${other}`, HERE);
  }

  /** How many times it was entered; when all is quiet. */
  entered(): number {
    return memory.words[this.#count.word] as number;
  }
}

function mutualExclusion(kind: LockKind, finding?: Litmus['finding']): Litmus {
  const name = `mutual-exclusion/${kind.name}`;
  return {
    name,
    spinLocks: BOTH_SPIN_LOCKS,
    ...(finding === undefined ? {} : { finding }),
    scenario: ({ iterations }) => ({
      name: scenarioName(name, iterations),
      title: `${kind.name}: two tasks are never inside together`,
      cpus: 2,
      staticWords: kind.words + 2,
      outcomes: [`${2 * iterations} times inside`],
      build() {
        const guard = kind.declare('&litmus->lock');
        const section = new CriticalSection();
        const actor = (cpu: number) => ({
          name: `actor${cpu}`,
          cpu,
          *run(): Kernel<void> {
            for (let i = 0; i < iterations; i++) yield* guard.exclusive(() => section.enter(cpu + 1));
          },
        });
        return {
          ...(guard.setup === undefined ? {} : { setup: guard.setup }),
          actors: [actor(0), actor(1)],
          outcome: () => `${section.entered()} times inside`,
        };
      },
    }),
  };
}

export const mutualExclusionTests: readonly Litmus[] = [
  ...lockKinds.map((kind) => mutualExclusion(kind)),
  mutualExclusion(bustedKind, { kind: 'assertion', message: /is in the critical section and finds that/ }),
];
