import assert from 'node:assert/strict';
import { DmTable, dmTableDestroy } from '../../src/core/dm-table.ts';
import { dmTableBindEvents, dmTableEvent, dmWaitEvent } from '../../src/core/event.ts';
import { dmSwapTable, doResume, doSuspend } from '../../src/core/ioctl.ts';
import type { MappedDevice } from '../../src/core/mapped-device.ts';
import { ERESTARTSYS } from '../../src/machine/errno.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { sendSignal } from '../../src/shared/task.ts';
import { kernelTest, load, type World } from '../support/kernel.ts';

const tableOf = (md: MappedDevice): DmTable => DmTable.at(md.map);

/** Waits for an event on a CPU of its own. */
function waiter(world: World, cpu: number, md: MappedDevice, eventNr: number) {
  const results: number[] = [];
  const started = world.start(cpu, function* wait(): Kernel<void> {
    results.push(yield* dmWaitEvent(md, eventNr));
  });
  return { ...started, results };
}

kernelTest(
  'an event wakes all who wait for the number to change',
  function* all(world) {
    const md = yield* world.device('0 4 zero');
    const waiters = [waiter(world, 1, md, 0), waiter(world, 2, md, 0)];
    yield* dmTableEvent(tableOf(md));
    for (const { join } of waiters) yield* join();
    assert.deepEqual(
      waiters.flatMap(({ results }) => results),
      [0, 0],
    );
    assert.equal(yield* md.eventNr.read(HERE), 1);
  },
  { runs: 100 },
);

kernelTest(
  'who waits for a number that is not the present one does not wait, be it above or below',
  function* differs(world) {
    const md = yield* world.device('0 4 zero');
    yield* dmTableEvent(tableOf(md));
    assert.equal(yield* dmWaitEvent(md, 0), 0);
    assert.equal(yield* dmWaitEvent(md, 99), 0);
  },
);

kernelTest(
  'a signal ends the wait for an event with -ERESTARTSYS',
  function* signalled(world) {
    const md = yield* world.device('0 4 zero');
    const { task, join, results } = waiter(world, 1, md, 0);
    yield* sendSignal(task, HERE);
    yield* join();
    assert.deepEqual(results, [-ERESTARTSYS]);
  },
  { runs: 100 },
);

kernelTest('neither suspend nor resume nor a new table is an event', function* quiet(world) {
  const md = yield* world.device('0 4 zero');
  yield* doSuspend(md, 0);
  yield* doResume(md, 0);
  yield* load(md, '0 2 zero');
  yield* doResume(md, 0);
  assert.equal(yield* md.eventNr.read(HERE), 0);
});

kernelTest('a table that is not bound yet, or no longer, makes no event', function* unbound(world) {
  const md = yield* world.device('0 4 zero');
  yield* load(md, '0 4 error');
  const next = DmTable.at(md.newMap);
  md.newMap = 0;
  yield* dmTableEvent(next);
  assert.equal(yield* md.eventNr.read(HERE), 0);
  yield* doSuspend(md, 0);
  const swapped = yield* dmSwapTable(md, next);
  assert(typeof swapped !== 'number' && swapped.old !== null);
  yield* dmTableEvent(swapped.old);
  assert.equal(yield* md.eventNr.read(HERE), 0);
  yield* dmTableEvent(next);
  assert.equal(yield* md.eventNr.read(HERE), 1);
  yield* dmTableDestroy(swapped.old);
  yield* doResume(md, 0);
});

kernelTest(
  'once the events of a table are unbound none is under way',
  function* barrier(world) {
    const md = yield* world.device('0 4 zero');
    const table = tableOf(md);
    const { join } = world.start(1, () => dmTableEvent(table));
    yield* dmTableBindEvents(table, false);
    const seen = yield* md.eventNr.read(HERE);
    yield* join();
    assert.equal(yield* md.eventNr.read(HERE), seen);
    world.outcome = String(seen);
  },
  { runs: 100 },
);
