import assert from 'node:assert/strict';
import { doResume, doSuspend } from '../../../src/core/ioctl.ts';
import { SUSPEND_PHASES } from '../../../src/core/mapped-device.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../../../src/core/suspend.ts';
import { type Kernel, resolved } from '../../../src/machine/kernel.ts';
import { defineHardwareHandler } from '../../../src/targets/multipath/hardware-handler.ts';
import { Pgpath } from '../../../src/targets/multipath/multipath.ts';
import { dmPgInitComplete } from '../../../src/targets/multipath/pg-init.ts';
import { endOf, kernelTest, stored, write } from '../../support/kernel.ts';
import { breakPath, multipathOf, pathsOf, rested, status, TWO_GROUPS, tell, untilServed } from './support.ts';

const simulated = (words: string): string => `${words.split(' ').length + 1} simulated ${words}`;

kernelTest('I/O waits until its group has been activated, once for all', function* waits(world) {
  const { md, disks } = yield* pathsOf(world, `0 1 simulated ${TWO_GROUPS}`, 'hardirq');
  const ios = [yield* write(md, 0, 1, 5), yield* write(md, 1, 1, 6)];
  for (const io of ios) assert.equal(yield* endOf(io), '0');
  assert.deepEqual([stored(disks[0], 0), stored(disks[0], 1)], [5, 6]);
  // One activation, and I/O is queued no more.
  assert.equal(yield* status(md), '2 0 1 0 2 1 A 0 1 0 1:0 A 0 E 0 1 0 1:1 A 0 ');
});

kernelTest('while a group is being activated I/O is queued, and the status says so', function* queued(world) {
  const { md } = yield* pathsOf(world, `0 1 simulated ${TWO_GROUPS}`);
  const io = yield* write(md, 0);
  const m = multipathOf(md);
  if (m.queueSize > 0) assert.match(yield* status(md), /^2 [01] [01] 0 2 1 /);
  assert.equal(yield* endOf(io), '0');
  assert.equal(m.queueIo, 0);
});

kernelTest('a failed activation takes the path out, and the next group is activated', function* fails(world) {
  const { md, disks } = yield* pathsOf(world, `0 ${simulated('5 fail-path')} ${TWO_GROUPS}`);
  assert.equal(yield* endOf(yield* write(md, 0, 1, 5)), '0');
  assert.deepEqual([stored(disks[0], 0), stored(disks[1], 0)], [0, 5]);
  assert.equal(yield* status(md), '2 0 1 0 2 2 E 0 1 0 1:0 F 1 A 0 1 0 1:1 A 0 ');
});

kernelTest('an activation that says so bypasses its group', function* bypasses(world) {
  const { md, disks } = yield* pathsOf(world, `0 ${simulated('5 bypass-pg')} ${TWO_GROUPS}`);
  assert.equal(yield* endOf(yield* write(md, 0, 1, 5)), '0');
  assert.equal(stored(disks[1], 0), 5);
  assert.equal(yield* status(md), '2 0 1 0 2 2 D 0 1 0 1:0 A 0 A 0 1 0 1:1 A 0 ');
});

kernelTest('a bypassed group whose activation fails loses its path', function* last(world) {
  const { md } = yield* pathsOf(world, `0 ${simulated('5 bypass-pg bypass-pg retry')} ${TWO_GROUPS}`);
  // Both groups are bypassed, and the first one is tried again.
  assert.equal(yield* endOf(yield* write(md, 0, 1, 5)), '0');
  assert.equal(yield* status(md), '2 0 1 0 2 2 D 0 1 0 1:0 F 1 D 0 1 0 1:1 A 0 ');
});

kernelTest('an activation is tried again as often as the table allows', function* retries(world) {
  const allowed = world.run % 2;
  const features = allowed === 0 ? '0' : '4 pg_init_retries 1 pg_init_delay_msecs 2';
  const { md } = yield* pathsOf(world, `${features} ${simulated('5 retry')} ${TWO_GROUPS}`);
  assert.equal(yield* endOf(yield* write(md, 0)), '0');
  const lines = ['2 0 1 0 2 2 E 0 1 0 1:0 F 1 A 0 1 0 1:1 A 0 ', '2 0 2 0 2 1 A 0 1 0 1:0 A 0 E 0 1 0 1:1 A 0 '];
  assert.equal(yield* status(md), lines[allowed]);
});

kernelTest('when no path can be activated I/O fails', function* none(world) {
  const { md } = yield* pathsOf(world, `0 ${simulated('5 fail-path fail-path')} ${TWO_GROUPS}`, 'hardirq');
  assert.equal(yield* endOf(yield* write(md, 0)), '-EIO');
});

/** The path of an activation that ends when the test says so. */
let held = 0;
defineHardwareHandler({
  name: 'held',
  create: () => 1,
  destroy: () => {},
  pgInit(_context, pgpath): Kernel<void> {
    held = pgpath.handle;
    return resolved(undefined);
  },
  tableText: () => '',
});

kernelTest('a suspend waits for an activation that no I/O waits for any more', function* orphan(world) {
  const { md } = yield* pathsOf(world, '0 1 held 1 1 round-robin 0 1 0 disk0');
  const io = yield* write(md, 0);
  yield* rested();
  yield* tell(md, 'fail_path disk0');
  // Nothing but the activation's end would have the queue looked at otherwise.
  yield* tell(md, 'fail_if_no_path');
  assert.equal(yield* endOf(io), '-EIO');
  let ended = false;
  const suspender = world.start(1, function* suspend(): Kernel<void> {
    assert.equal(yield* doSuspend(md, 0), 0);
    assert(ended, 'the activation is not over');
  });
  yield* untilServed(() => SUSPEND_PHASES[md.phase.value] === 'finish');
  ended = true;
  yield* dmPgInitComplete(Pgpath.at(held), 0);
  yield* suspender.join();
  assert.equal(yield* doResume(md, 0), 0);
});

kernelTest(
  'groups are switched, paths fail and return, and the device is suspended while activations are under way',
  function* under(world) {
    const { md, disks } = yield* pathsOf(
      world,
      `1 queue_if_no_path ${simulated('5 ok fail-path bypass-pg ok')} ${TWO_GROUPS}`,
      'hardirq',
    );
    const submitters = [0, 1].map((cpu) =>
      world.start(cpu, function* submitter(): Kernel<void> {
        const ios = [yield* write(md, cpu), yield* write(md, cpu + 2)];
        for (const io of ios) assert.equal(yield* endOf(io), '0');
      }),
    );
    const operator = world.start(1, function* operator(): Kernel<void> {
      yield* breakPath(disks[0]);
      yield* tell(md, 'switch_group 2');
      yield* tell(md, 'fail_path disk1');
      yield* breakPath(disks[0], false);
      yield* tell(md, 'switch_group 1');
      for (const disk of ['disk0', 'disk1']) yield* tell(md, `reinstate_path ${disk}`);
    });
    yield* operator.join();
    for (let i = 0; i < 2; i++) {
      assert.equal(yield* doSuspend(md, DM_SUSPEND_NOFLUSH_FLAG), 0);
      assert.equal(multipathOf(md).pgInitInProgress, 0);
      for (const disk of ['disk0', 'disk1']) yield* tell(md, `reinstate_path ${disk}`);
      assert.equal(yield* doResume(md, 0), 0);
    }
    // One path is left for certain: only one answer takes a path out after this.
    for (const disk of ['disk0', 'disk1']) yield* tell(md, `reinstate_path ${disk}`);
    for (const { join } of submitters) yield* join();
  },
  { runs: 300 },
);
