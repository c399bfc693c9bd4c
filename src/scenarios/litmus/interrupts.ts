/**
 * Interrupts of a CPU that waits for a lock: with interrupts on it takes them, with interrupts off it does not.
 *
 *   CPU0                                    CPU1
 *   takes the lock
 *                                           waits for the lock
 *   raises a line on CPU1
 *                                           the handler says that it ran
 *   has it run? releases the lock
 */
import { raiseIrq, requestIrq } from '../../irq/interrupt.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { ops } from '../../machine/operations.ts';
import { type Litmus, litmus, until } from './litmus.ts';
import { type Guard, type LockKind, rwLockKind, spinLockKind } from './lock-kinds.ts';

/** A line that no device has. */
const LINE_LITMUS = 4;
const WAITER_CPU = 1;
/** Steps that the holder leaves to the other CPU: on threads more than it takes to spin and to park. */
const PATIENCE = 4;

const once = (value: number): boolean => value !== 0;

function* letOthersGoOn(): Kernel<void> {
  for (let i = 0; i < PATIENCE; i++) yield* ops.relax(HERE);
}

interface Wait {
  readonly name: string;
  readonly kind: LockKind;
  hold(guard: Guard, body: () => Kernel<void>): Kernel<void>;
}

const WAITS: readonly Wait[] = [
  { name: 'spin-lock', kind: spinLockKind, hold: (guard, body) => guard.exclusive(body) },
  { name: 'rwlock-write', kind: rwLockKind, hold: (guard, body) => guard.exclusive(body) },
  { name: 'rwlock-read', kind: rwLockKind, hold: (guard, body) => guard.shared!(body) },
];

/** The result is 1 if the handler ran before the lock was free: certain with interrupts on, forbidden with interrupts off. */
const whileWaiting = ({ name, kind, hold }: Wait, irqsOn: number): Litmus =>
  litmus(
    {
      name: `interrupt/${name}-irqs-${irqsOn === 1 ? 'on' : 'off'}`,
      title: `${name}: a CPU that waits with interrupts ${irqsOn === 1 ? 'on takes them' : 'off takes none'}`,
      outcomes: [String(irqsOn)],
      shared: 3,
      results: 1,
      staticWords: kind.words,
      sides([, , handled]) {
        const guard = kind.declare('&litmus->lock');
        requestIrq(LINE_LITMUS, 'litmus', () => handled!.write(1, HERE));
        return {
          sides: [
            function* (words): Kernel<void> {
              const [held, comes] = words.shared;
              yield* guard.exclusive(function* (): Kernel<void> {
                yield* held!.write(1, HERE);
                yield* until(comes!, once);
                yield* letOthersGoOn();
                yield* raiseIrq(WAITER_CPU, LINE_LITMUS, HERE);
                if (irqsOn === 1) yield* until(handled!, once);
                else yield* letOthersGoOn();
                words.result(0, yield* handled!.read(HERE));
              });
            },
            function* ({ shared: [held, comes] }): Kernel<void> {
              yield* until(held!, once);
              if (irqsOn === 0) yield* ops.irqOff(HERE);
              yield* comes!.write(1, HERE);
              yield* hold(guard, function* (): Kernel<void> {});
              if (irqsOn === 0) yield* ops.irqOn(1, HERE);
              yield* until(handled!, once);
            },
          ],
        };
      },
    },
    2,
  );

export const interruptTests: readonly Litmus[] = [1, 0].flatMap((irqsOn) =>
  WAITS.map((wait) => whileWaiting(wait, irqsOn)),
);
