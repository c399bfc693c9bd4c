import assert from 'node:assert/strict';
import { BIO_RW_BARRIER, BIO_RW_UNPLUG } from '../../src/block/bio.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { DurabilityLog } from '../../src/scenarios/durability.ts';
import { bdevOf, kernelTest, type World } from '../support/kernel.ts';

const slots = { request: 12, 'request-queue': 1, 'request-disk': 1 };
const BARRIER = BIO_RW_BARRIER | BIO_RW_UNPLUG;
const ENTRIES = 3;

/** A write of sector 0, a barrier that writes sector 1, and a write of sector 2 that does not wait for the barrier. The barrier fails `fails` times. */
function* threeWrites(world: World, log: DurabilityLog, fails = 0): Kernel<void> {
  const disk = yield* world.requestDisk();
  const bdev = bdevOf(disk);
  const plain = { size: 1, flags: BIO_RW_UNPLUG } as const;
  yield* log.wait(0, yield* log.submit(bdev, 0, { ...plain, sector: 0, stamp: 10 }));
  yield* disk.failNext.set(fails, HERE);
  const barrier = yield* log.submit(bdev, 1, { size: 1, flags: BARRIER, sector: 1, stamp: 11 });
  const last = yield* log.submit(bdev, 2, { ...plain, sector: 2, stamp: 12 });
  yield* log.wait(1, barrier);
  yield* log.wait(2, last);
}

const media =
  (...sectors: number[]) =>
  (sector: number): number =>
    sectors[sector] as number;

kernelTest(
  'what a completed barrier covers must be on the media, what came later may be',
  function* covered(world) {
    const log = new DurabilityLog(ENTRIES);
    yield* threeWrites(world, log);
    log.check(media(10, 11, 0));
    log.check(media(10, 11, 12));
    assert.throws(() => log.check(media(0, 11, 0)), { kind: 'lost-bio', invariant: 'I41' });
    assert.throws(() => log.check(media(10, 0, 0)), { kind: 'lost-bio', invariant: 'I41' });
  },
  { slots, runs: 1 },
);

for (const otherFaults of [false, true])
  kernelTest(
    `a barrier that fails after the cut promises ${otherFaults ? 'nothing where there are other faults' : 'order where there is no other fault'}`,
    function* failed(world) {
      const log = new DurabilityLog(ENTRIES, otherFaults);
      yield* log.cutting();
      yield* threeWrites(world, log, 1);
      const check = (): void => log.check(media(10, 0, 12));
      if (otherFaults) check();
      else assert.throws(check, { kind: 'lost-bio', invariant: 'I40' });
    },
    { slots, runs: 1 },
  );

kernelTest(
  'nothing that came after a barrier may be on the media without what the barrier covers',
  function* newer(world) {
    const log = new DurabilityLog(ENTRIES);
    yield* log.cutting();
    yield* threeWrites(world, log);
    log.check(media(0, 11, 0));
    log.check(media(10, 11, 12));
    assert.throws(() => log.check(media(0, 11, 12)), { kind: 'lost-bio', invariant: 'I40' });
    assert.throws(() => log.check(media(10, 0, 12)), { kind: 'lost-bio', invariant: 'I40' });
  },
  { slots, runs: 1 },
);
