import assert from 'node:assert/strict';
import { bioAlloc, bioPut, endIos, REQ_READA } from '../../src/block/bio.ts';
import { hangDisk, releaseDisk } from '../../src/block/disk-faults.ts';
import { genericMakeRequest } from '../../src/block/submit.ts';
import { DM_ENDIO_REQUEUE, dmNoflushSuspending } from '../../src/core/device-mapper.ts';
import { DmTable } from '../../src/core/dm-table.ts';
import { __noflushSuspending } from '../../src/core/end-io.ts';
import { dmSwapTable, dmTableLoad, dmTableStatus, doResume, doSuspend } from '../../src/core/ioctl.ts';
import {
  DMF_BLOCK_IO_FOR_SUSPEND,
  DMF_NOFLUSH_SUSPENDING,
  DMF_SUSPENDED,
  type MappedDevice,
  SUSPEND_PHASES,
} from '../../src/core/mapped-device.ts';
import { DM_SUSPEND_NOFLUSH_FLAG, dmResume, dmSuspend, dmSuspended, mergePushback } from '../../src/core/suspend.ts';
import { EINTR, EINVAL } from '../../src/machine/errno.ts';
import { type Kernel, resolved } from '../../src/machine/kernel.ts';
import { settled } from '../../src/scenarios/device.ts';
import type { UserIo } from '../../src/scenarios/user-io.ts';
import { sendSignal } from '../../src/shared/task.ts';
import { remap, type Script } from '../../src/targets/scripted.ts';
import {
  bdevOf,
  CLEAN_PRESETS,
  eachPresetTest,
  endOf,
  Holding,
  hasEnded,
  kernelTest,
  load,
  read,
  type Started,
  stored,
  until,
  type World,
  write,
} from '../support/kernel.ts';

const KINDS = [
  { kind: 'flushing', flag: 0 },
  { kind: 'noflush', flag: DM_SUSPEND_NOFLUSH_FLAG },
] as const;

/** The suspend under way waits for I/O. */
const waiting = (md: MappedDevice) => (): boolean => md.phase.value === SUSPEND_PHASES.indexOf('wait');

/** Flags that say that I/O does not flow as usual. */
function* unusual(md: MappedDevice): Kernel<number> {
  return (yield* md.flags.read(HERE)) & (DMF_BLOCK_IO_FOR_SUSPEND | DMF_SUSPENDED | DMF_NOFLUSH_SUSPENDING);
}

/** Hands back what it keeps as soon as a suspend begins; what comes later it sends on and notes. */
function givingBack(holding: Holding, remapped: number[] = []): Script {
  let suspended = false;
  return {
    map(ti, clone) {
      if (!suspended) return holding.map(ti, clone);
      remapped.push(clone.sector);
      return resolved(remap(ti, clone));
    },
    *endIo(ti): Kernel<number> {
      return (yield* dmNoflushSuspending(ti)) ? DM_ENDIO_REQUEUE : 0;
    },
    presuspend() {
      suspended = true;
      return holding.release();
    },
  };
}

eachPresetTest('an idle device suspends, and is suspended until it resumes', function* idle(world) {
  yield* world.disk();
  const md = yield* world.device('0 4 linear disk0 0');
  assert.equal(yield* dmSuspend(md, 0), 0);
  assert.equal(yield* dmSuspended(md), true);
  assert.equal(yield* dmResume(md), 0);
  assert.equal(yield* unusual(md), 0);
  assert.equal(yield* endOf(yield* write(md, 0)), '0');
});

eachPresetTest('a suspended device refuses a second suspend', function* second(world) {
  const calls: string[] = [];
  yield* world.disk();
  const md = yield* world.device(`0 4 scripted disk0 0 ${world.script(noting(calls, 'a'))}`);
  calls.length = 0;
  assert.equal(yield* dmSuspend(md, 0), 0);
  assert.equal(yield* dmSuspend(md, DM_SUSPEND_NOFLUSH_FLAG), -EINVAL);
  assert.equal(yield* dmSuspended(md), true);
  assert.deepEqual(calls, ['a presuspend', 'a postsuspend']);
});

eachPresetTest('for the user a second suspend is no error and does nothing', function* twice(world) {
  const md = yield* world.device('0 4 zero');
  assert.deepEqual([yield* doSuspend(md, 0), yield* doSuspend(md, 0)], [0, 0]);
  assert.equal(yield* dmSuspended(md), true);
});

eachPresetTest('an active device refuses a resume; for the user it is no error', function* active(world) {
  const md = yield* world.device('0 4 zero');
  assert.equal(yield* dmResume(md), -EINVAL);
  assert.equal(yield* doResume(md, 0), 0);
});

eachPresetTest('a device without a table suspends, but does not resume', function* bare(world) {
  const md = yield* world.create();
  assert.equal(yield* doSuspend(md, 0), 0);
  assert.equal(yield* doResume(md, 0), -EINVAL);
  assert.equal(yield* dmSuspended(md), true);
  yield* load(md, '0 4 zero');
  assert.equal(yield* doResume(md, 0), 0);
  assert.equal(yield* unusual(md), 0);
});

/** Notes the calls of its hooks. */
function noting(calls: string[], name: string, preresume = 0): Script {
  const note = <T>(hook: string, result: T): Kernel<T> => {
    calls.push(`${name} ${hook}`);
    return resolved(result);
  };
  return {
    presuspend: () => note('presuspend', undefined),
    postsuspend: () => note('postsuspend', undefined),
    preresume: () => note('preresume', preresume),
    resume: () => note('resume', undefined),
  };
}

eachPresetTest('postsuspend comes after the last I/O has ended, and finds NOFLUSH clear', function* post(world) {
  yield* world.disk();
  const holding = new Holding();
  const seen: unknown[] = [];
  let device: MappedDevice | undefined;
  const script = world.script({
    ...givingBack(holding),
    *postsuspend(ti): Kernel<void> {
      seen.push(yield* dmNoflushSuspending(ti), yield* (device as MappedDevice).pending.read(HERE));
    },
  });
  const md = yield* world.device(`0 4 scripted disk0 0 ${script}`);
  device = md;
  const io = yield* write(md, 0);
  assert.equal(yield* doSuspend(md, DM_SUSPEND_NOFLUSH_FLAG), 0);
  assert.deepEqual(seen, [false, 0]);
  yield* doResume(md, 0);
  assert.equal(yield* endOf(io), '0');
});

eachPresetTest('read-ahead to a suspended device fails at once with -EIO', function* ahead(world) {
  yield* world.disk();
  const md = yield* world.device('0 4 linear disk0 0');
  yield* doSuspend(md, 0);
  assert.equal(yield* endOf(yield* read(md, 0, 1, REQ_READA)), '-EIO');
  yield* doResume(md, 0);
  yield* settled(md);
  assert.equal(yield* endOf(yield* read(md, 0, 1, REQ_READA)), '0');
});

/** 2.6.33 puts each at the head of one list. */
for (const preset of CLEAN_PRESETS)
  kernelTest(
    `${preset}: what was pushed back is mapped before what was deferred, ${preset === '2.6.33' ? 'the last one first' : 'each in the order of its coming'}`,
    function* order(world) {
      yield* world.disk();
      const holding = new Holding();
      const mapped: number[] = [];
      const md = yield* world.device(`0 8 scripted disk0 0 ${world.script(givingBack(holding, mapped))}`);
      const ios = [yield* write(md, 5), yield* write(md, 3)];
      assert.equal(yield* doSuspend(md, DM_SUSPEND_NOFLUSH_FLAG), 0);
      for (const sector of [4, 1, 2]) ios.push(yield* write(md, sector));
      assert(!ios.some(hasEnded));
      yield* doResume(md, 0);
      for (const io of ios) assert.equal(yield* endOf(io), '0');
      assert.deepEqual(mapped, [...(preset === '2.6.33' ? [3, 5] : [5, 3]), 4, 1, 2]);
    },
    { preset },
  );

eachPresetTest('a bio can be pushed back again and again', function* again(world) {
  const disk = yield* world.disk();
  const script = world.script({
    map: (ti, clone) => (resumes < 3 ? holding.map(ti, clone) : resolved(remap(ti, clone))),
    *endIo(ti): Kernel<number> {
      return (yield* dmNoflushSuspending(ti)) ? DM_ENDIO_REQUEUE : 0;
    },
    presuspend: () => holding.release(),
  });
  const holding = new Holding();
  let resumes = 0;
  const md = yield* world.device(`0 4 scripted disk0 0 ${script}`);
  const io = yield* write(md, 2, 2, 80);
  for (; resumes < 3; resumes++) {
    assert.equal(yield* doSuspend(md, DM_SUSPEND_NOFLUSH_FLAG), 0);
    assert(!hasEnded(io));
    if (resumes < 2) {
      assert.equal(yield* doResume(md, 0), 0);
      yield* settled(md);
    }
  }
  assert.equal(yield* doResume(md, 0), 0);
  assert.equal(yield* endOf(io), '0');
  assert.deepEqual([stored(disk, 2), stored(disk, 3)], [80, 81]);
});

let resubmit: () => Kernel<void> = () => resolved(undefined);
const END_AND_SUBMIT = endIos.define('end_and_submit', function* endAndSubmit(bio): Kernel<void> {
  yield* bioPut(bio, HERE);
  yield* resubmit();
});

kernelTest('the end of a bio that kdmflush maps may submit another to the same device', function* again(world) {
  const disk = yield* world.disk();
  const md = yield* world.device('0 4 linear disk0 0');
  const ios: UserIo[] = [];
  resubmit = function* submitNext(): Kernel<void> {
    ios.push(yield* write(md, 1, 1, 50));
  };
  yield* doSuspend(md, 0);
  const first = bioAlloc();
  assert(first !== null);
  first.size = 1;
  first.bdev = md.bdev;
  first.endIo = END_AND_SUBMIT;
  yield* genericMakeRequest(first);
  yield* doResume(md, 0);
  yield* settled(md);
  assert.equal(yield* endOf(ios[0] as UserIo), '0');
  assert.equal(stored(disk, 1), 50);
});

/** A suspend of a task of its own; gives the task and its result. */
function suspendOn(world: World, cpu: number, md: MappedDevice, flag: number): { started: Started; result: number[] } {
  const result: number[] = [];
  const started = world.start(cpu, function* suspend(): Kernel<void> {
    result.push(yield* dmSuspend(md, flag));
  });
  return { started, result };
}

for (const { kind, flag } of KINDS)
  eachPresetTest(
    `a signal interrupts a ${kind} suspend that waits, and the device is as active as before`,
    function* interrupted(world) {
      const disk = yield* world.disk({ mode: 'softirq' });
      const md = yield* world.device('0 4 linear disk0 0');
      yield* hangDisk(disk);
      const first = yield* write(md, 0);
      const { started, result } = suspendOn(world, 1, md, flag);
      yield* until(waiting(md));
      const second = yield* write(md, 1);
      yield* sendSignal(started.task, HERE);
      yield* started.join();
      assert.deepEqual(result, [-EINTR]);
      assert.equal(yield* unusual(md), 0);
      yield* releaseDisk(disk);
      assert.deepEqual([yield* endOf(first), yield* endOf(second)], ['0', '0']);
      assert.equal(yield* doSuspend(md, flag), 0);
    },
    { runs: 100 },
  );

eachPresetTest('a signal does not interrupt the suspend of a device without I/O in flight', function* drained(world) {
  const md = yield* world.device('0 4 zero');
  const go = { now: false };
  const result: number[] = [];
  const { task, join } = world.start(1, function* suspend(): Kernel<void> {
    yield* until(() => go.now);
    result.push(yield* dmSuspend(md, 0));
  });
  yield* sendSignal(task, HERE);
  go.now = true;
  yield* join();
  assert.deepEqual(result, [0]);
});

eachPresetTest(
  'targets see NOFLUSH from presuspend until the wait ends, and it is clear when the suspend returns',
  function* visible(world) {
    yield* world.disk();
    const holding = new Holding();
    const seen: string[] = [];
    const note = (when: string) =>
      function* noteFlag(ti: Parameters<NonNullable<Script['presuspend']>>[0]): Kernel<void> {
        seen.push(`${when} ${yield* dmNoflushSuspending(ti)}`);
      };
    const script = world.script({
      map: (ti, clone) => (seen.length < 7 ? holding.map(ti, clone) : resolved(remap(ti, clone))),
      *endIo(ti): Kernel<number> {
        yield* note('end')(ti);
        return (yield* dmNoflushSuspending(ti)) ? DM_ENDIO_REQUEUE : 0;
      },
      presuspend: note('presuspend'),
      postsuspend: note('postsuspend'),
      resume: note('resume'),
    });
    const md = yield* world.device(`0 4 scripted disk0 0 ${script}`);
    const io = yield* write(md, 0);
    const { started, result } = suspendOn(world, 1, md, DM_SUSPEND_NOFLUSH_FLAG);
    yield* until(waiting(md));
    assert.equal(yield* __noflushSuspending(md), true);
    yield* holding.release();
    yield* started.join();
    assert.equal(yield* __noflushSuspending(md), false);
    yield* doResume(md, 0);
    yield* settled(md);
    yield* holding.release();
    assert.equal(yield* endOf(io), '0');
    assert.deepEqual(result, [0]);
    assert.deepEqual(seen, [
      'resume false',
      'presuspend true',
      'end true',
      'postsuspend false',
      'resume false',
      'end false',
    ]);
  },
  { runs: 50 },
);

eachPresetTest('a flushing suspend never shows NOFLUSH', function* flushing(world) {
  yield* world.disk();
  const seen: boolean[] = [];
  const script = world.script({
    *presuspend(ti): Kernel<void> {
      seen.push(yield* dmNoflushSuspending(ti));
    },
  });
  const md = yield* world.device(`0 4 scripted disk0 0 ${script}`);
  assert.equal(yield* doSuspend(md, 0), 0);
  assert.deepEqual(seen, [false]);
});

kernelTest(
  'a device is suspended before its targets hear postsuspend, and until after they have heard resume',
  function* order(world) {
    yield* world.disk();
    const seen: boolean[] = [];
    let md: MappedDevice | null = null;
    const note = function* note(): Kernel<void> {
      if (md !== null) seen.push(yield* dmSuspended(md));
    };
    const script = world.script({ presuspend: note, postsuspend: note, resume: note });
    md = yield* world.device(`0 4 scripted disk0 0 ${script}`);
    assert.equal(yield* doSuspend(md, 0), 0);
    assert.equal(yield* doResume(md, 0), 0);
    assert.deepEqual(seen, [false, true, true]);
  },
);

kernelTest(
  'the pushback list is merged with io_lock held for writing',
  function* unlocked(world) {
    const md = yield* world.device('0 4 zero');
    yield* mergePushback(md);
  },
  { finding: { kind: 'assertion', message: /must hold &md->io_lock for writing here/ } },
);

eachPresetTest(
  'of two suspends at once one wins, and the other is refused',
  function* rivals(world) {
    const md = yield* world.device('0 4 zero');
    const rivals = [suspendOn(world, 1, md, 0), suspendOn(world, 2, md, DM_SUSPEND_NOFLUSH_FLAG)];
    for (const { started } of rivals) yield* started.join();
    assert.deepEqual(rivals.flatMap(({ result }) => result).sort(), [-EINVAL, 0]);
    assert.equal(yield* dmSuspended(md), true);
  },
  { runs: 100 },
);

eachPresetTest('an active device refuses to swap its table', function* swapActive(world) {
  const md = yield* world.device('0 4 zero');
  const other = yield* world.create();
  yield* load(other, '0 4 error');
  assert.equal(yield* dmSwapTable(md, DmTable.at(other.newMap)), -EINVAL);
  assert.equal(yield* dmTableStatus(md, false), '0 4 zero ');
});

eachPresetTest(
  'a resume whose own suspend is interrupted is refused, and the table that it was to bring is lost',
  function* lostTable(world) {
    const [disk, next] = [yield* world.disk({ mode: 'hardirq' }), yield* world.disk()];
    const md = yield* world.device('0 4 linear disk0 0');
    yield* load(md, '0 4 linear disk1 0');
    yield* hangDisk(disk);
    const io = yield* write(md, 0);
    const results: number[] = [];
    const { task, join } = world.start(1, function* resume(): Kernel<void> {
      results.push(yield* doResume(md, 0));
    });
    yield* until(waiting(md));
    yield* sendSignal(task, HERE);
    yield* join();
    assert.deepEqual(results, [-EINVAL]);
    assert.deepEqual([md.newMap, bdevOf(next).openCount, yield* unusual(md)], [0, 0, 0]);
    yield* releaseDisk(disk);
    assert.equal(yield* endOf(io), '0');
    assert.equal(yield* dmTableStatus(md, false), '0 4 linear 1:0 0');
  },
  { runs: 50 },
);

eachPresetTest(
  'suspends, resumes, loads and I/O from several CPUs at once lose nothing',
  function* together(world) {
    const disk = yield* world.disk({ mode: 'softirq', anyCpu: true });
    const script = world.script({
      *endIo(ti): Kernel<number> {
        return (yield* dmNoflushSuspending(ti)) ? DM_ENDIO_REQUEUE : 0;
      },
    });
    const table = `0 2 scripted disk0 0 ${script}\n2 6 linear disk0 2`;
    const md = yield* world.device(table);
    const writers = [1, 2].map((cpu) =>
      world.start(cpu, function* writer(): Kernel<void> {
        for (let i = 0; i < 2; i++) assert.equal(yield* endOf(yield* write(md, 4 * (cpu - 1), 3, 100 * cpu)), '0');
      }),
    );
    const admins = KINDS.map(({ flag }, i) =>
      world.start(i, function* admin(): Kernel<void> {
        assert([0, -EINVAL].includes(yield* doSuspend(md, flag)));
        assert.equal(yield* dmTableLoad(md, table), 0);
        // Another's resume may come between this one's suspend and its swap.
        assert([0, -EINVAL].includes(yield* doResume(md, flag)));
      }),
    );
    for (const { join } of admins) yield* join();
    yield* doResume(md, 0);
    for (const { join } of writers) yield* join();
    assert.deepEqual(
      [0, 1, 2, 4, 5, 6].map((sector) => stored(disk, sector)),
      [100, 101, 102, 200, 201, 202],
    );
    assert.equal(yield* unusual(md), 0);
  },
  { runs: 300 },
);
