import assert from 'node:assert/strict';
import { BIO_RW_BARRIER, BIO_RW_UNPLUG, type Bio, REQ_WRITE } from '../../src/block/bio.ts';
import { cacheOf, REQUEST_DISK_MODES } from '../../src/block/request-disk.ts';
import { bioEndio, DM_ENDIO_REQUEUE, DM_MAPIO_SUBMITTED } from '../../src/core/device-mapper.ts';
import { dmClose, dmOpen, dmRemove, doResume, doSuspend } from '../../src/core/ioctl.ts';
import { DMF_QUEUE_IO_TO_THREAD, type MappedDevice, SUSPEND_PHASES } from '../../src/core/mapped-device.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../../src/core/suspend.ts';
import { usleep } from '../../src/irq/timer.ts';
import { EIO } from '../../src/machine/errno.ts';
import { type Kernel, resolved } from '../../src/machine/kernel.ts';
import { settled } from '../../src/scenarios/device.ts';
import { submitIo, type UserIo } from '../../src/scenarios/user-io.ts';
import { remap, type Script } from '../../src/targets/scripted.ts';
import { BARRIER_ERRORS } from '../support/barrier-errors.ts';
import { type Body, bdevOf, endOf, hasEnded, type KernelOptions, kernelTest, type World } from '../support/kernel.ts';

const slots = { request: 40, 'request-queue': 3, 'request-disk': 2 };
const BARRIER = BIO_RW_BARRIER | BIO_RW_UNPLUG;

/** The presets whose bio-based devices take barriers. */
function barrierTest(title: string, body: Body, options: KernelOptions = {}): void {
  for (const preset of ['unified', '2.6.33']) kernelTest(`${preset}: ${title}`, body, { slots, preset, ...options });
}

/** kdmflush has this CPU, so nobody may wait in a loop on it. */
function* asleepUntil(condition: () => boolean): Kernel<void> {
  while (!condition()) yield* usleep(10, HERE);
}

/** A write; `size` 0: a flush. */
const put = (md: MappedDevice, sector: number, size = 1, flags = BIO_RW_UNPLUG): Kernel<UserIo> =>
  submitIo(bdevOf(md), { sector, size, flags: REQ_WRITE | flags, stamp: 70 + sector });

/** Notes what a target is asked to map, and what has ended. */
function journal(): { readonly notes: string[]; readonly script: Script } {
  const notes: string[] = [];
  const name = ({ size, sector }: Bio): string => (size === 0 ? 'flush' : `write ${sector}`);
  const script: Script = {
    map(ti, clone) {
      notes.push(name(clone));
      return resolved(remap(ti, clone));
    },
    endIo(_ti, clone) {
      notes.push(`end of ${name(clone)}`);
      return resolved(0);
    },
  };
  return { notes, script };
}

for (const mode of REQUEST_DISK_MODES)
  barrierTest(`${mode}: a barrier makes durable what was written through the device`, function* durable(world) {
    const disk = yield* world.requestDisk({ mode });
    const md = yield* world.device('0 8 linear disk0 0');
    const writers = [0, 1].map((cpu) =>
      world.start(cpu, function* writer(): Kernel<void> {
        assert.equal(yield* endOf(yield* put(md, cpu * 2)), '0');
        assert.equal(yield* endOf(yield* put(md, cpu * 2 + 1, 1, BARRIER)), '0');
      }),
    );
    for (const task of writers) yield* task.join();
    assert.deepEqual(
      [0, 1, 2, 3].map((sector) => cacheOf(disk).stored(sector)),
      [70, 71, 72, 73],
    );
  });

barrierTest('a barrier is a flush, its data, and a flush, with nothing else in flight', function* sequence(world) {
  const { notes, script } = journal();
  yield* world.requestDisk({ mode: 'hardirqDirect' });
  const md = yield* world.device(`0 8 scripted disk0 0 ${world.script(script)}`);
  const ios = [yield* put(md, 0), yield* put(md, 1, 1, BARRIER), yield* put(md, 2), yield* put(md, 0, 0, BARRIER)];
  for (const io of ios) assert.equal(yield* endOf(io), '0');
  const whole = ['write 0', 'flush', 'write 1', 'flush', 'write 2', 'flush'];
  assert.deepEqual(
    notes,
    whole.flatMap((each) => [each, `end of ${each}`]),
  );
});

barrierTest('when kdmflush has nothing left, submitters map for themselves again', function* opens(world) {
  yield* world.requestDisk();
  const md = yield* world.device('0 8 linear disk0 0');
  assert.equal(yield* endOf(yield* put(md, 1, 1, BARRIER)), '0');
  yield* settled(md);
  assert.equal((yield* md.flags.read(HERE)) & DMF_QUEUE_IO_TO_THREAD, 0);
});

barrierTest('a flush goes to every target as often as it asks, and to each stripe', function* fanout(world) {
  const asked: string[] = [];
  const script: Script = {
    numFlushRequests: 3,
    map(ti, clone, tio) {
      if (clone.size === 0) asked.push(`${ti.begin}.${tio.info}`);
      return resolved(remap(ti, clone));
    },
  };
  const number = world.script(script);
  const disks = [yield* world.requestDisk({ mode: 'hardirqDirect' }), yield* world.requestDisk()];
  const md = yield* world.device(
    `0 4 scripted disk0 0 ${number}\n4 4 striped 2 2 disk0 4 disk1 4\n8 4 scripted disk1 8 ${number}\n12 1 zero`,
  );
  for (const sector of [4, 6]) assert.equal(yield* endOf(yield* put(md, sector)), '0');
  assert.equal(yield* endOf(yield* put(md, 0, 0, BARRIER)), '0');
  assert.deepEqual(asked, ['0.0', '0.1', '0.2', '8.0', '8.1', '8.2']);
  assert.deepEqual(
    disks.map((disk) => cacheOf(disk).stored(4)),
    [74, 76],
  );
});

barrierTest('barriers go through one device to another below', function* stacked(world) {
  const disk = yield* world.requestDisk();
  yield* world.device('0 8 linear disk0 0');
  const md = yield* world.device('0 8 linear dm0 0');
  assert.equal(yield* endOf(yield* put(md, 3)), '0');
  assert.equal(yield* endOf(yield* put(md, 4, 1, BARRIER)), '0');
  assert.deepEqual([cacheOf(disk).stored(3), cacheOf(disk).stored(4)], [73, 74]);
});

/** What a noflush suspend takes back; none is under way. */
const WANTED_BACK = [0, DM_ENDIO_REQUEUE, 0, '-EIO'] as const;

for (const [before, data, after, barrier] of [...BARRIER_ERRORS, WANTED_BACK])
  barrierTest(
    `after ${before}, ${data} and ${after} a barrier ends with ${barrier}, not one part sooner`,
    function* ranked(world) {
      const says = [before, data, after];
      let parts = 0;
      const script: Script = {
        endIo() {
          return resolved(says[parts++] as number);
        },
      };
      yield* world.requestDisk({ mode: 'hardirqDirect' });
      const md = yield* world.device(`0 8 scripted disk0 0 ${world.script(script)}`);
      assert.equal(yield* endOf(yield* put(md, 1, 1, BARRIER)), barrier);
      assert.equal(parts, 3);
    },
    { oracles: data !== DM_ENDIO_REQUEUE },
  );

barrierTest('a barrier fails without a table, and beside an error target with its data', function* failing(world) {
  const bare = yield* world.create();
  assert.equal(
    yield* endOf(yield* submitIo(bdevOf(bare), { sector: 0, size: 1, flags: REQ_WRITE | BARRIER, stamp: 7 })),
    '-EIO',
  );
  yield* world.requestDisk();
  const md = yield* world.device('0 4 linear disk0 0\n4 4 error');
  assert.equal(yield* endOf(yield* put(md, 5, 1, BARRIER)), '-EIO');
  assert.equal(yield* endOf(yield* put(md, 3, 1, BARRIER)), '0');
});

barrierTest('a barrier whose device cannot flush ends well', function* refused(world) {
  yield* world.requestDisk({ barriers: 'none' });
  const md = yield* world.device('0 8 linear disk0 0');
  assert.equal(yield* endOf(yield* put(md, 1, 1, BARRIER)), '0');
});

kernelTest(
  '2.6.20: a barrier ends with -EOPNOTSUPP',
  function* early(world) {
    yield* world.disk();
    const md = yield* world.device('0 8 linear disk0 0');
    assert.equal(yield* endOf(yield* put(md, 1, 1, BARRIER)), '-EOPNOTSUPP');
  },
  { preset: '2.6.20' },
);

barrierTest(
  'who has waited for a barrier may remove the device',
  function* removed(world) {
    yield* world.requestDisk({ mode: 'hardirqDirect' });
    const md = yield* world.device('0 8 linear disk0 0');
    assert.equal(yield* dmOpen(md), 0);
    assert.equal(yield* endOf(yield* put(md, 1, 1, BARRIER)), '0');
    assert.equal(yield* dmClose(md), 0);
    assert.equal(yield* dmRemove(md), 0);
  },
  { runs: 100 },
);

barrierTest(
  'a suspend of either kind waits for the barrier under way; the next one waits for the resume',
  function* suspended(world) {
    const { notes, script } = journal();
    yield* world.requestDisk({ mode: 'hardirqDirect' });
    const md = yield* world.device(`0 8 scripted disk0 0 ${world.script(script)}`);
    for (const flag of [0, DM_SUSPEND_NOFLUSH_FLAG]) {
      const first = yield* put(md, 1, 1, BARRIER);
      yield* asleepUntil(() => notes.length > 0);
      assert.equal(yield* doSuspend(md, flag), 0);
      assert.equal(hasEnded(first), true);
      assert.equal(notes.splice(0).length, 6);
      const second = yield* put(md, 2, 1, BARRIER);
      const third = yield* put(md, 3);
      assert.equal(notes.length, 0);
      assert.equal(yield* doResume(md, 0), 0);
      for (const io of [first, second, third]) assert.equal(yield* endOf(io), '0');
      assert.deepEqual(
        notes.splice(0).filter((each) => !each.startsWith('end')),
        ['flush', 'write 2', 'flush', 'write 3'],
      );
    }
  },
);

for (const part of [0, 1, 2])
  barrierTest(
    `a barrier whose part ${part} comes back in a noflush suspend is made again after the resume`,
    function* requeued(world) {
      const mapped: string[] = [];
      const held: Bio[] = [];
      const script: Script = {
        map(ti, clone) {
          mapped.push(clone.size === 0 ? 'flush' : 'write');
          if (mapped.length !== part + 1) return resolved(remap(ti, clone));
          held.push(clone);
          return resolved(DM_MAPIO_SUBMITTED);
        },
        endIo: (_ti, _clone, error) => resolved(error === -EIO ? DM_ENDIO_REQUEUE : 0),
      };
      yield* world.requestDisk();
      const md = yield* world.device(`0 8 scripted disk0 0 ${world.script(script)}`);
      const barrier = yield* put(md, 1, 1, BARRIER);
      yield* asleepUntil(() => held.length > 0);
      const suspender = world.start(1, function* suspend(): Kernel<void> {
        assert.equal(yield* doSuspend(md, DM_SUSPEND_NOFLUSH_FLAG), 0);
      });
      yield* asleepUntil(() => SUSPEND_PHASES[md.phase.value] === 'flush');
      yield* bioEndio(held[0] as Bio, -EIO);
      yield* suspender.join();
      assert.equal(hasEnded(barrier), false);
      assert.equal(mapped.length, 3);
      assert.equal(yield* doResume(md, 0), 0);
      assert.equal(yield* endOf(barrier), '0');
      assert.deepEqual(mapped.slice(3), ['flush', 'write', 'flush']);
    },
  );

/** An older write comes back in a noflush suspend while kdmflush waits for it with a barrier in hand. */
function* overtaken(world: World): Kernel<void> {
  const held: Bio[] = [];
  const mapped: string[] = [];
  let keeping = true;
  const script: Script = {
    map(ti, clone) {
      mapped.push(clone.size === 0 ? 'flush' : `${clone.sector}`);
      if (!keeping) return resolved(remap(ti, clone));
      held.push(clone);
      return resolved(DM_MAPIO_SUBMITTED);
    },
    endIo: (_ti, _clone, error) => resolved(error === -EIO ? DM_ENDIO_REQUEUE : 0),
  };
  yield* world.requestDisk();
  const md = yield* world.device(`0 8 scripted disk0 0 ${world.script(script)}`);
  const old = [yield* put(md, 1), yield* put(md, 2)];
  const barrier = yield* put(md, 3, 1, BARRIER);
  const later = yield* put(md, 4);
  const suspender = world.start(1, function* suspend(): Kernel<void> {
    assert.equal(yield* doSuspend(md, DM_SUSPEND_NOFLUSH_FLAG), 0);
  });
  // The suspend waits for kdmflush, or kdmflush has not taken the barrier.
  yield* asleepUntil(() => ['flush', 'wait'].includes(SUSPEND_PHASES[md.phase.value] as string));
  keeping = false;
  assert.equal(mapped.splice(0).length, 2);
  for (const clone of held) yield* bioEndio(clone, -EIO);
  yield* suspender.join();
  assert.deepEqual(mapped, []);
  assert.equal(hasEnded(barrier), false);
  assert.equal(yield* doResume(md, 0), 0);
  for (const io of [...old, barrier, later]) assert.equal(yield* endOf(io), '0');
  assert.deepEqual(mapped.slice(0, 2).sort(), ['1', '2']);
  assert.deepEqual(mapped.slice(2), ['flush', '3', 'flush', '4']);
}

barrierTest('a barrier does not overtake what was pushed back while it waited', overtaken);

kernelTest('a core whose barriers go on all the same is found by I40', overtaken, {
  slots,
  preset: '2.6.33',
  swaps: { barrierMayGoOn: () => resolved(true) },
  finding: { kind: 'reorder', invariant: 'I40', message: /overtakes a bio that was pushed back before it/ },
});

barrierTest('nobody passes a barrier, on whatever CPU', function* later(world) {
  const { notes, script } = journal();
  yield* world.requestDisk({ mode: 'hardirqDirect' });
  const md = yield* world.device(`0 8 scripted disk0 0 ${world.script(script)}`);
  const barrier = yield* put(md, 1, 1, BARRIER);
  const others = [0, 1].map((cpu) =>
    world.start(cpu, function* write(): Kernel<void> {
      assert.equal(yield* endOf(yield* put(md, 2 + cpu)), '0');
    }),
  );
  assert.equal(yield* endOf(barrier), '0');
  for (const task of others) yield* task.join();
  const last = notes.lastIndexOf('end of flush');
  assert(notes.indexOf('write 2') > last && notes.indexOf('write 3') > last, notes.join());
});
