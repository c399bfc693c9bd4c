/** A boot module whose program kills the thread that it runs on, in a way and a part that the order names. */
import { setFlagsFromString } from 'node:v8';
import type { Bootable } from '../../src/actors/boot-module.ts';
import { Alarm, devices } from '../../src/irq/alarm.ts';
import { LINE_DEVICE } from '../../src/irq/interrupt.ts';
import { startDevice } from '../../src/irq/interrupt-actor.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { resolved } from '../../src/machine/kernel.ts';
import type { Program } from '../../src/machine/machine.ts';
import { bindSpinLocks, tasSpinLock } from '../../src/shared/spinlock.ts';

export const DEATHS = ['exception', 'exit', 'memory'] as const;
export type Death = (typeof DEATHS)[number];

export interface DeadlyOrder {
  readonly death: Death;
  readonly where: 'setup' | 'actors' | 'verify' | 'interrupt-actor';
}

function die(death: Death): void {
  if (death === 'exception') throw new Error('a thread dies on purpose');
  if (death === 'exit') process.exit(7);
  // The heap of this thread is filled until its limit ends it.
  setFlagsFromString('--max-old-space-size=32');
  const hoard: unknown[] = [];
  for (;;) hoard.push(new Array(100_000).fill(hoard.length));
}

let order: DeadlyOrder = { death: 'exception', where: 'setup' };

const DEADLY = devices.define('deadly', {
  line: LINE_DEVICE,
  elapsed() {
    die(order.death);
    return resolved(1);
  },
  interrupt: () => resolved(undefined),
});

function* killInterruptActor(): Kernel<void> {
  const alarm = Alarm.alloc();
  if (alarm === null) throw new Error('no alarm is free');
  alarm.device = DEADLY;
  yield* startDevice(alarm, 0, 0);
}

export function prepare(what: unknown): Bootable {
  order = what as DeadlyOrder;
  const { death, where } = order;
  const part = (name: DeadlyOrder['where']): (() => Kernel<void>) =>
    function* deadly(): Kernel<void> {
      if (name === where) die(death);
    };
  return {
    slots: {},
    staticWords: 0,
    build(): Program {
      bindSpinLocks(tasSpinLock);
      return {
        setup: where === 'interrupt-actor' ? killInterruptActor : part('setup'),
        actors: [{ name: 'deadly', cpu: 1, run: part('actors') }],
        verify: part('verify'),
      };
    },
  };
}
