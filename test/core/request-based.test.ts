import assert from 'node:assert/strict';
import { test } from 'tap';
import { BIO_RW_BARRIER, BIO_RW_UNPLUG, REQ_WRITE } from '../../src/block/bio.ts';
import { hangDisk, releaseDisk } from '../../src/block/disk-faults.ts';
import { blkExecuteRq } from '../../src/block/execute-rq.ts';
import { CMD_TEST_UNIT_READY } from '../../src/block/request.ts';
import { cacheOf, REQUEST_DISK_MODES } from '../../src/block/request-disk.ts';
import { RequestQueue } from '../../src/block/request-queue.ts';
import {
  blkBarrierRq,
  DM_ENDIO_INCOMPLETE,
  DM_ENDIO_REQUEUE,
  DM_MAPIO_REQUEUE,
  type Request,
} from '../../src/core/device-mapper.ts';
import { dmRemove, dmTableLoad, doResume, doSuspend } from '../../src/core/ioctl.ts';
import { type MappedDevice, SUSPEND_PHASES } from '../../src/core/mapped-device.ts';
import { dmEndRequest } from '../../src/core/rq-end.ts';
import { stopQueue } from '../../src/core/rq-queue.ts';
import type { Seams } from '../../src/core/seams.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../../src/core/suspend.ts';
import { usleep } from '../../src/irq/timer.ts';
import { flushWorkqueue, Workqueue } from '../../src/irq/workqueue.ts';
import { EINTR, EINVAL, EIO, ENXIO, EOPNOTSUPP } from '../../src/machine/errno.ts';
import { type Kernel, resolved } from '../../src/machine/kernel.ts';
import { rqBarrier } from '../../src/scenarios/rq-barrier.ts';
import { submitIo, type UserIo, waitIo } from '../../src/scenarios/user-io.ts';
import { sendSignal } from '../../src/shared/task.ts';
import { remapRequest } from '../../src/targets/scripted.ts';
import { exploreChecked } from '../check/model.ts';
import { bdevOf, endOf, hasEnded, kernelTest, until, type World } from '../support/kernel.ts';

/** A command that no disk knows. */
const NO_COMMAND = 99;
const slots = { request: 40, 'request-queue': 3, 'request-disk': 2, 'dm-rq-target-io': 12 };
const BARRIER = BIO_RW_BARRIER | BIO_RW_UNPLUG;

const put = (md: MappedDevice, sector: number, stamp: number, flags = BIO_RW_UNPLUG): Kernel<UserIo> =>
  submitIo(bdevOf(md), { sector, size: 1, flags: REQ_WRITE | flags, stamp });
const get = (md: MappedDevice, sector: number): Kernel<UserIo> =>
  submitIo(bdevOf(md), { sector, size: 1, flags: BIO_RW_UNPLUG, stamp: 0 });

for (const mode of REQUEST_DISK_MODES) {
  kernelTest(
    `${mode}: a request goes through linear and comes back`,
    function* through(world) {
      const disk = yield* world.requestDisk({ mode });
      const md = yield* world.device('0 4 linear disk0 2', true);
      assert.equal(yield* endOf(yield* put(md, 1, 70)), '0');
      assert.equal(cacheOf(disk).read(3), 70);
      assert.deepEqual(yield* waitIo(yield* get(md, 1)), { error: 0, value: 70 });
      yield* disk.failNext.set(1, HERE);
      assert.equal(yield* endOf(yield* put(md, 1, 71)), '-EIO');
    },
    { slots },
  );

  kernelTest(
    `${mode}: a barrier makes durable what was written through the device`,
    function* durable(world) {
      const disk = yield* world.requestDisk({ mode });
      const md = yield* world.device('0 8 linear disk0 0', true);
      const writers = [0, 1].map((cpu) =>
        world.start(cpu, function* writer(): Kernel<void> {
          assert.equal(yield* endOf(yield* put(md, cpu * 2, 10 + cpu)), '0');
          assert.equal(yield* endOf(yield* put(md, cpu * 2 + 1, 20 + cpu, BARRIER)), '0');
        }),
      );
      for (const task of writers) yield* task.join();
      assert.deepEqual(
        [0, 1, 2, 3].map((sector) => cacheOf(disk).stored(sector)),
        [10, 20, 11, 21],
      );
    },
    { slots },
  );

  kernelTest(
    `${mode}: a suspend of either kind lets what is under way end, and keeps the rest in the queue`,
    function* suspended(world) {
      yield* world.requestDisk({ mode });
      const md = yield* world.device('0 8 linear disk0 0', true);
      const writer = world.start(1, function* write(): Kernel<void> {
        for (let i = 0; i < 3; i++) assert.equal(yield* endOf(yield* put(md, i, 10 + i, i === 1 ? BARRIER : 0)), '0');
      });
      for (const flag of [0, DM_SUSPEND_NOFLUSH_FLAG]) {
        assert.equal(yield* doSuspend(md, flag), 0);
        const io = yield* put(md, 5, 55);
        assert.equal(hasEnded(io), false);
        assert.equal(yield* doResume(md, 0), 0);
        assert.equal(yield* endOf(io), '0');
      }
      yield* writer.join();
    },
    { slots },
  );

  kernelTest(
    `${mode}: a packet command goes to the device below, and its answer comes back`,
    function* packet(world) {
      const disk = yield* world.requestDisk({ mode });
      const md = yield* world.device('0 4 linear disk0 2', true);
      for (const q of [disk.queue, md.queue].map((handle) => RequestQueue.at(handle))) {
        assert.equal(yield* blkExecuteRq(q, CMD_TEST_UNIT_READY), 0);
        assert.equal(yield* blkExecuteRq(q, NO_COMMAND), -EINVAL);
        yield* disk.failNext.set(1, HERE);
        assert.equal(yield* blkExecuteRq(q, CMD_TEST_UNIT_READY), -EIO);
      }
      assert.equal(yield* endOf(yield* put(md, 1, 70)), '0');
    },
    { slots },
  );

  kernelTest(
    `${mode}: packet commands, writes and barriers of three CPUs all end, with a suspend among them`,
    function* mixed(world) {
      yield* world.requestDisk({ mode });
      const md = yield* world.device('0 8 linear disk0 0', true);
      const tasks = [0, 1, 2].map((cpu) =>
        world.start(cpu, function* user(): Kernel<void> {
          assert.equal(yield* endOf(yield* put(md, cpu, 10 + cpu, cpu === 1 ? BARRIER : 0)), '0');
          assert.equal(yield* blkExecuteRq(RequestQueue.at(md.queue), CMD_TEST_UNIT_READY), 0);
        }),
      );
      assert.equal(yield* doSuspend(md, 0), 0);
      assert.equal(yield* doResume(md, 0), 0);
      for (const task of tasks) yield* task.join();
    },
    { slots },
  );
}

kernelTest(
  'an error target fails each request, and a barrier that has data too',
  function* failing(world) {
    const md = yield* world.device('0 8 error', true);
    assert.equal(yield* endOf(yield* put(md, 1, 70)), '-EIO');
    assert.equal(yield* endOf(yield* put(md, 1, 70, BARRIER)), '-EIO');
    assert.equal(yield* blkExecuteRq(RequestQueue.at(md.queue), CMD_TEST_UNIT_READY), -EIO);
  },
  { slots },
);

kernelTest(
  'a device whose disk cannot flush ends barriers with -EOPNOTSUPP',
  function* unsupported(world) {
    yield* world.requestDisk({ barriers: 'none' });
    const md = yield* world.device('0 8 linear disk0 0', true);
    assert.equal(yield* endOf(yield* put(md, 1, 70, BARRIER)), '-EOPNOTSUPP');
    assert.equal(yield* endOf(yield* put(md, 1, 71)), '0');
  },
  { slots },
);

for (const [hook, script] of [
  ['map', { mapRq: () => resolved(3) }],
  ['endio', { rqEndIo: () => resolved(3) }],
] as const)
  kernelTest(
    `${hook} of a request may not answer with a number that means nothing`,
    function* unknown(world) {
      yield* world.requestDisk();
      const md = yield* world.device(`0 8 scripted disk0 0 ${world.script(script)}`, true);
      yield* endOf(yield* put(md, 1, 70));
    },
    { slots, finding: { kind: 'assertion', message: new RegExp(`unimplemented target ${hook} return value: 3`) } },
  );

kernelTest(
  'a target that says INCOMPLETE when a request ends keeps the clone, and the request ends with it later',
  function* kept(world) {
    const disk = yield* world.requestDisk();
    let held: Request | null = null;
    const script = world.script({
      *rqEndIo(_ti, clone, error): Kernel<number> {
        if (held !== null) return error;
        held = clone;
        return DM_ENDIO_INCOMPLETE;
      },
    });
    const md = yield* world.device(`0 8 scripted disk0 0 ${script}`, true);
    // Without an error its bios end before the request does.
    yield* disk.failNext.set(1, HERE);
    const io = yield* put(md, 1, 70);
    // Asleep, since the last step may be left to ksoftirqd of this CPU.
    while (held === null) yield* usleep(1, HERE);
    assert.equal(hasEnded(io), false);
    assert.equal(yield* md.pending.read(HERE), 1);
    yield* dmEndRequest(held as unknown as Request, -ENXIO);
    assert.equal(yield* endOf(io), '-ENXIO');
    assert.equal(yield* md.pending.read(HERE), 0);
  },
  { slots },
);

kernelTest(
  'an error of map_rq is the error of the request, and rq_end_io does not hear of it',
  function* killed(world) {
    yield* world.requestDisk();
    let heard = 0;
    const script = world.script({
      mapRq: () => resolved(-EIO),
      *rqEndIo(_ti, _clone, error): Kernel<number> {
        heard++;
        return error;
      },
    });
    const md = yield* world.device(`0 8 scripted disk0 0 ${script}`, true);
    assert.equal(yield* endOf(yield* put(md, 1, 70)), '-EIO');
    assert.equal(heard, 0);
  },
  { slots },
);

/** An empty barrier over a target with two flushes that say this; a second attempt is well. */
const ANSWERS = [0, -EIO, -ENXIO, -EOPNOTSUPP, DM_ENDIO_REQUEUE];
/** What is stored, then what comes: the table of the precedence. A barrier whose flush was requeued ends well. */
function expected(first: number, second: number): number {
  if (first === -EOPNOTSUPP || second === -EOPNOTSUPP) return -EOPNOTSUPP;
  if (first === DM_ENDIO_REQUEUE || second === DM_ENDIO_REQUEUE) return 0;
  return first === 0 ? second : first;
}

for (const where of ['rq_end_io', 'map_rq'] as const)
  kernelTest(
    `two flushes that ${where} answers in every pair of ways come to what the precedence says`,
    function* precedence(world) {
      yield* world.requestDisk();
      let answers: number[] = [];
      const answer = (otherwise: number): number => answers.shift() ?? otherwise;
      const script = world.script({
        numFlushRequests: 2,
        mapRq: (ti, clone) => resolved((where === 'map_rq' && answer(0)) || remapRequest(ti, clone)),
        rqEndIo: (_ti, _clone, error) => resolved(where === 'rq_end_io' ? answer(error) : error),
      });
      const md = yield* world.device(`0 8 scripted disk0 0 ${script}`, true);
      for (const first of ANSWERS)
        for (const second of ANSWERS) {
          answers = [first, second];
          const io = yield* submitIo(bdevOf(md), { sector: 0, size: 0, flags: REQ_WRITE | BARRIER, stamp: 0 });
          assert.equal((yield* waitIo(io)).error, expected(first, second), `${first} and ${second}`);
        }
    },
    { slots, runs: 5, stepLimit: 200_000 },
  );

kernelTest(
  'a barrier is drained for, flushed before and after, strictly one at a time',
  function* oneByOne(world) {
    yield* world.requestDisk({ mode: 'hardirqDirect', depth: 4 });
    const steps: string[] = [];
    const script = world.script({
      *mapRq(ti, clone): Kernel<number> {
        steps.push(blkBarrierRq(clone) ? 'flush' : `write ${clone.sector}`);
        return remapRequest(ti, clone);
      },
      *rqEndIo(_ti, clone, error): Kernel<number> {
        steps.push(blkBarrierRq(clone) ? 'flushed' : 'written');
        return error;
      },
    });
    const md = yield* world.device(`0 8 scripted disk0 0 ${script}`, true);
    const ios = [yield* put(md, 1, 11), yield* put(md, 2, 12, BARRIER), yield* put(md, 4, 13)];
    for (const io of ios) assert.equal(yield* endOf(io), '0');
    assert.deepEqual(steps, [
      'write 1',
      'written',
      'flush',
      'flushed',
      'write 2',
      'written',
      'flush',
      'flushed',
      'write 4',
      'written',
    ]);
  },
  { slots, runs: 100 },
);

kernelTest(
  'a request that its target wants back goes to the queue, and is mapped again after the resume',
  function* requeued(world) {
    const disk = yield* world.requestDisk({ mode: 'softirq' });
    let away = true;
    const script = world.script({
      mapRq: (ti, clone) => resolved(away ? DM_MAPIO_REQUEUE : remapRequest(ti, clone)),
    });
    const md = yield* world.device(`0 8 scripted disk0 0 ${script}`, true);
    const io = yield* put(md, 1, 11);
    const barrier = yield* put(md, 2, 12, BARRIER);
    assert.equal(yield* doSuspend(md, DM_SUSPEND_NOFLUSH_FLAG), 0);
    assert.deepEqual([hasEnded(io), hasEnded(barrier)], [false, false]);
    away = false;
    assert.equal(yield* doResume(md, 0), 0);
    assert.deepEqual([yield* endOf(io), yield* endOf(barrier)], ['0', '0']);
    assert.deepEqual([cacheOf(disk).stored(1), cacheOf(disk).stored(2)], [11, 12]);
  },
  { slots, runs: 100 },
);

kernelTest(
  'a table of requests has one target, of one type, over devices with request queues',
  function* rules(world) {
    yield* world.requestDisk();
    yield* world.disk();
    const md = yield* world.create(true);
    const refused = function* refused(table: string): Kernel<string | undefined> {
      assert.equal(yield* dmTableLoad(md, table), -EINVAL);
      const [reason, verdict] = world.log.splice(0);
      assert.equal(verdict, 'device-mapper: table: unable to determine table type');
      return reason?.replace(/^device-mapper: table: /, '');
    };
    assert.equal(
      yield* refused('0 4 linear disk0 0\n4 4 linear disk0 4'),
      "Request-based dm doesn't support multiple targets yet",
    );
    assert.equal(
      yield* refused('0 4 linear disk0 0\n4 4 zero'),
      "Inconsistent table: different target types can't be mixed up",
    );
    assert.equal(yield* refused('0 4 linear disk1 0'), 'table load rejected: including non-request-stackable devices');
    assert.equal(yield* dmTableLoad(md, '0 4 zero'), 0);
    assert.equal(yield* doResume(md, 0), -EINVAL);
    assert.match(world.log.join(), /can't change the device type after a table is bound/);
  },
  { slots, runs: 1 },
);

kernelTest(
  'a suspend that a signal interrupts lets the queue run again',
  function* interrupted(world) {
    const disk = yield* world.requestDisk({ mode: 'hardirqDirect' });
    const md = yield* world.device('0 8 linear disk0 0', true);
    yield* hangDisk(disk);
    const held = yield* put(md, 1, 11);
    const suspender = world.start(1, function* suspend(): Kernel<void> {
      assert.equal(yield* doSuspend(md, DM_SUSPEND_NOFLUSH_FLAG), -EINTR);
    });
    yield* sendSignal(suspender.task, HERE);
    yield* suspender.join();
    const later = yield* put(md, 2, 12, BARRIER);
    yield* releaseDisk(disk);
    assert.deepEqual([yield* endOf(held), yield* endOf(later)], ['0', '0']);
    assert.equal(yield* doSuspend(md, 0), 0);
    assert.equal(yield* doResume(md, 0), 0);
  },
  { slots, runs: 60 },
);

kernelTest(
  'a signal does not interrupt a suspend that waits for a flush',
  function* flushing(world) {
    const disk = yield* world.requestDisk({ mode: 'hardirqDirect' });
    const md = yield* world.device('0 8 linear disk0 0', true);
    yield* hangDisk(disk);
    const barrier = yield* put(md, 2, 12, BARRIER);
    yield* until(() => md.flushRequest !== 0);
    const suspender = world.start(1, function* suspend(): Kernel<void> {
      assert.equal(yield* doSuspend(md, 0), 0);
      assert.equal(md.flushRequest, 0);
      assert.equal(yield* doResume(md, 0), 0);
    });
    yield* until(() => md.phase.value === SUSPEND_PHASES.indexOf('flush'));
    yield* sendSignal(suspender.task, HERE);
    yield* releaseDisk(disk);
    yield* suspender.join();
    assert.equal(yield* endOf(barrier), '0');
  },
  { slots, runs: 60 },
);

kernelTest(
  'a device whose last barrier has just ended can be removed',
  function* removed(world) {
    yield* world.requestDisk({ mode: 'softirq' });
    const md = yield* world.device('0 8 linear disk0 0', true);
    assert.equal(yield* endOf(yield* put(md, 2, 12, BARRIER)), '0');
    assert.equal(yield* dmRemove(md), 0);
  },
  { slots, runs: 100 },
);

test('with the two steps of its suspend swapped a flush is mapped on a device that nobody maps on any more', async (t) => {
  const swapped: Partial<Seams> = {
    *stopAndFlush(md): Kernel<void> {
      yield* flushWorkqueue(Workqueue.at(md.wq), HERE);
      yield* stopQueue(RequestQueue.at(md.queue));
    },
  };
  const scenario = rqBarrier.find(({ name }) => name === 'rq-barrier-suspend');
  assert(scenario !== undefined);
  const { finding } = exploreChecked(scenario, swapped, 2000);
  t.match(finding, { kind: 'assertion', invariant: /^I(9|10|46)$/ }, finding?.message ?? 'nothing was found');
  t.equal(exploreChecked(scenario, {}, 1000).finding, null);
});

/** Two requests wait while the target wants each of them back, until a path is there again. */
function* requeueing(world: World): Kernel<void> {
  yield* world.requestDisk();
  let away = true;
  const script = world.script({
    mapRq: (ti, clone) => resolved(away ? DM_MAPIO_REQUEUE : remapRequest(ti, clone)),
  });
  const md = yield* world.device(`0 8 scripted disk0 0 ${script}`, true);
  const ios = [yield* put(md, 1, 11, 0), yield* put(md, 4, 12)];
  away = false;
  for (const io of ios) assert.equal(yield* endOf(io), '0');
}

/** A device is removed as soon as its one request has ended. */
function* removing(world: World): Kernel<void> {
  yield* world.requestDisk({ mode: 'softirq', anyCpu: true });
  const md = yield* world.device('0 8 linear disk0 0', true);
  assert.equal(yield* endOf(yield* put(md, 2, 12)), '0');
  assert.equal(yield* dmRemove(md), 0);
}

for (const [what, body, finding] of [
  ['a request_fn that goes on after a REQUEUE', requeueing, { kind: 'livelock', message: /twice with interrupts off/ }],
  [
    'a last reference that is given up in an interrupt',
    removing,
    { kind: 'sleep-in-atomic', message: /in an interrupt/ },
  ],
] as const) {
  // The lock validator sees &_minor_lock in a softirq before anybody sleeps there.
  kernelTest(`seed-002 has ${what}`, body, { slots, runs: 2000, preset: 'seed-002', finding, lockdep: false });
  kernelTest(`2.6.33 has not ${what}`, body, { slots, runs: 200, preset: '2.6.33' });
}
