/**
 * Readers share a lock: two of them can be inside together, and what they see there was written as a whole.
 */
import type { Kernel } from '../../machine/kernel.ts';
import { staticWords } from '../../shared/memory.ts';
import { Atomic } from '../../shared/word.ts';
import { type Litmus, litmus, type Side } from './litmus.ts';
import { type Guard, type LockKind, lockKinds } from './lock-kinds.ts';

type SharedGuard = Guard & { readonly shared: NonNullable<Guard['shared']> };

export function declareShared(kind: LockKind): SharedGuard {
  const guard = kind.declare('&litmus->lock');
  if (guard.shared === undefined) throw new Error(`${kind.name} has no readers`);
  return { ...guard, shared: guard.shared };
}

/** Each reader's result: 1 if it found the other one inside. Both cannot have. */
const sharing = (kind: LockKind): Litmus =>
  litmus(
    {
      name: `reader-sharing/${kind.name}`,
      title: `${kind.name}: two readers can be inside together`,
      outcomes: ['0 0', '0 1', '1 0'],
      shared: 0,
      results: 2,
      staticWords: kind.words + 1,
      sides() {
        const guard = declareShared(kind);
        const inside = new Atomic(staticWords(1));
        const reader =
          (place: number): Side =>
          (words) =>
            guard.shared(function* (): Kernel<void> {
              words.result(place, yield* inside.add(1, HERE));
              yield* inside.add(-1, HERE);
            });
        return { sides: [reader(0), reader(1)] };
      },
    },
    2,
  );

/** The writer writes two words; a reader sees both or none. */
const wholeWrites = (kind: LockKind): Litmus =>
  litmus(
    {
      name: `whole-writes/${kind.name}`,
      title: `${kind.name}: a reader never sees half of what a writer does`,
      outcomes: ['0 0', '1 1'],
      shared: 2,
      results: 2,
      staticWords: kind.words,
      sides() {
        const guard = declareShared(kind);
        return {
          sides: [
            ({ shared: [x, y] }) =>
              guard.exclusive(function* (): Kernel<void> {
                yield* x!.write(1, HERE);
                yield* y!.write(1, HERE);
              }),
            (words) =>
              guard.shared(function* (): Kernel<void> {
                const [x, y] = words.shared;
                words.result(0, yield* x!.read(HERE));
                words.result(1, yield* y!.read(HERE));
              }),
          ],
        };
      },
    },
    2,
  );

const sharingKinds = lockKinds.filter(({ shares }) => shares);

export const readerTests: readonly Litmus[] = [...sharingKinds.map(sharing), ...sharingKinds.map(wholeWrites)];
