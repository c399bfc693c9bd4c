/**
 * For each axis in which the presets differ, a body whose events come in another order, or end in another result.
 */
import assert from 'node:assert/strict';
import { test } from 'tap';
import { recursive } from '../../src/block/submit.ts';
import { installOracles, oracles } from '../../src/check/index.ts';
import { dmQueueFlush } from '../../src/core/deferred.ts';
import { dmTableLoad, doResume, doSuspend } from '../../src/core/ioctl.ts';
import { type MappedDevice, SUSPEND_PHASES } from '../../src/core/mapped-device.ts';
import type { Seams } from '../../src/core/seams.ts';
import { DM_SUSPEND_NOFLUSH_FLAG, dmSuspend, dmSuspended } from '../../src/core/suspend.ts';
import { EINTR, EINVAL } from '../../src/machine/errno.ts';
import {
  bindListeners,
  EV_BIO_DEFERRED,
  EV_BIO_MAPPED,
  EV_BIO_QUEUED,
  EV_BIO_SPLIT,
  EV_BIO_SUBMIT,
  EV_CLONE_ENDIO,
  EV_CLONE_MAP,
  EV_DISPATCH,
  EV_RESUME_RETURN,
} from '../../src/machine/events.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { downRead, upRead } from '../../src/shared/rw-semaphore.ts';
import { current, sendSignal, taskName } from '../../src/shared/task.ts';
import { gateByBlockIo } from '../../src/variants/core-2.6.20.ts';
import { requireLegal, whyIllegal } from '../../src/variants/legal.ts';
import { presets } from '../../src/variants/presets.ts';
import { type Body, endOf, Holding, kernelTest, until, type World, write } from '../support/kernel.ts';

const seamsOf = (preset: string): Seams => {
  const found = presets.find(({ name }) => name === preset);
  assert(found !== undefined);
  return found.seams;
};

/** What is heard of these kinds from now on, by name; the oracles go on listening. */
function hearing(kinds: Readonly<Record<number, string>>): string[] {
  const heard: string[] = [];
  bindListeners([
    ...oracles(),
    (kind) => {
      const name = kinds[kind];
      if (name !== undefined) heard.push(name);
    },
  ]);
  return heard;
}

/** The same body in both presets; what it gives must be what is said here. */
function axisTest(
  title: string,
  body: (world: World) => Kernel<unknown>,
  expected: Readonly<Record<'unified' | '2.6.20', unknown>>,
): void {
  for (const [preset, wanted] of Object.entries(expected)) {
    const checked: Body = function* checked(world): Kernel<void> {
      assert.deepEqual(yield* body(world), wanted);
      installOracles();
    };
    kernelTest(`${preset}: ${title}`, checked, { preset, runs: 50 });
  }
}

axisTest(
  'who maps what was deferred, and when',
  function* dispatch(world) {
    yield* world.disk();
    const md = yield* world.device('0 4 linear disk0 0');
    yield* doSuspend(md, 0);
    const io = yield* write(md, 0);
    const mappers: string[] = [];
    const resumer = taskName(current());
    let returned = false;
    bindListeners([
      ...oracles(),
      (kind) => {
        if (kind === EV_RESUME_RETURN) returned = true;
        if (kind !== EV_BIO_MAPPED) return;
        const name = taskName(current());
        mappers.push(
          name === resumer
            ? `the resumer, ${returned ? 'after' : 'before'} it returns`
            : (name.split('/')[0] as string),
        );
      },
    ]);
    yield* doResume(md, 0);
    yield* endOf(io);
    return mappers;
  },
  { unified: ['kdmflush'], '2.6.20': ['the resumer, before it returns'] },
);

axisTest(
  'a bio over two targets, sent to the disk from inside the driver',
  function* split(world) {
    yield* world.disk();
    const md = yield* world.device('0 2 linear disk0 0\n2 2 linear disk0 2');
    const heard = hearing({
      [EV_BIO_SUBMIT]: 'submit',
      [EV_BIO_QUEUED]: 'queue',
      [EV_BIO_SPLIT]: 'split',
      [EV_CLONE_MAP]: 'map',
      [EV_CLONE_ENDIO]: 'end',
    });
    yield* endOf(yield* write(md, 1, 2));
    return heard;
  },
  {
    // Each clone and the remainder join the task's list; the first clone is served before the remainder is mapped.
    unified: [
      ...['submit', 'map', 'submit', 'queue', 'split', 'submit', 'queue'],
      ...['end', 'map', 'submit', 'queue', 'end'],
    ],
    // The disk is called from inside the driver: a clone has ended before the next one is made.
    '2.6.20': ['submit', 'map', 'submit', 'end', 'map', 'submit', 'end'],
  },
);

axisTest(
  'a bio that comes right after a resume',
  function* after(world) {
    yield* world.disk();
    const md = yield* world.device('0 4 linear disk0 0');
    yield* doSuspend(md, 0);
    yield* doResume(md, 0);
    const heard = hearing({ [EV_BIO_DEFERRED]: 'defer', [EV_DISPATCH]: 'dispatch', [EV_BIO_MAPPED]: 'map' });
    yield* endOf(yield* write(md, 0));
    return heard;
  },
  // kdmflush is on this task's CPU, so it has not seen yet that there is nothing to do.
  { unified: ['defer', 'dispatch', 'map'], '2.6.20': ['map'] },
);

axisTest(
  'what postsuspend sees of SUSPENDED',
  function* order(world) {
    yield* world.disk();
    const seen: boolean[] = [];
    const holder: { md?: MappedDevice } = {};
    const script = world.script({
      *postsuspend(): Kernel<void> {
        seen.push(yield* dmSuspended(holder.md as MappedDevice));
      },
    });
    holder.md = yield* world.device(`0 4 scripted disk0 0 ${script}`);
    yield* doSuspend(holder.md, 0);
    yield* doResume(holder.md, 0);
    return seen;
  },
  { unified: [true], '2.6.20': [false] },
);

axisTest(
  'a signal ends the wait, and the last I/O ends before the suspender has io_lock',
  function* lateEnd(world) {
    yield* world.disk();
    const holding = new Holding();
    const md = yield* world.device(`0 4 scripted disk0 0 ${world.script(holding)}`);
    const io = yield* write(md, 0);
    const results: number[] = [];
    const suspender = world.start(1, function* suspend(): Kernel<void> {
      results.push(yield* dmSuspend(md, 0));
    });
    yield* until(() => SUSPEND_PHASES[md.phase.value] === 'wait');
    yield* downRead(md.ioLock, HERE);
    yield* sendSignal(suspender.task, HERE);
    yield* until(() => SUSPEND_PHASES[md.phase.value] === 'finish');
    yield* holding.release();
    yield* upRead(md.ioLock, HERE);
    yield* suspender.join();
    assert.equal(yield* endOf(io), '0');
    if (results[0] === 0) yield* doResume(md, 0);
    return results;
  },
  // By what the wait says, or by what is in flight when it is over.
  { unified: [-EINTR], '2.6.20': [0] },
);

axisTest(
  'a table of another size in a noflush suspend',
  function* resize(world) {
    yield* world.disk();
    const md = yield* world.device('0 4 linear disk0 0');
    yield* doSuspend(md, DM_SUSPEND_NOFLUSH_FLAG);
    yield* dmTableLoad(md, '0 8 linear disk0 0');
    const first = yield* doResume(md, DM_SUSPEND_NOFLUSH_FLAG);
    return [first, yield* doResume(md, 0), yield* dmSuspended(md)];
  },
  { unified: [0, 0, false], '2.6.20': [-EINVAL, 0, false] },
);

test('combinations that cannot work are refused with a sentence', async (t) => {
  const unified = seamsOf('unified');
  const old = seamsOf('2.6.20');
  for (const [name, seams, because] of [
    ['remainder', { ...unified, engine: recursive }, /recursive engine would enter io_lock a second time/],
    ['gate', { ...unified, gate: gateByBlockIo }, /this gate would let later bios pass/],
    ['queue', { ...old, queueIo: unified.queueIo }, /left to kdmflush/],
    ['merge', { ...unified, mergePushback: old.mergePushback }, /this merge does not take it/],
    ['lock', { ...old, mergePushback: unified.mergePushback }, /deferred_lock guards nothing/],
    ['flag', { ...old, quiesce: unified.quiesce }, /nobody to clear it/],
    ['wait', { ...unified, quiesce: old.quiesce }, /a suspend must wait for it/],
    ['kdmflush', { ...old, dispatchDeferred: dmQueueFlush }, /this gate would let later bios pass/],
  ] as const) {
    t.match(whyIllegal(seams), because);
    t.throws(() => requireLegal(name, seams), { message: new RegExp(`^the variant ${name} cannot be: `) });
  }
  for (const { seams } of presets) t.equal(whyIllegal(seams), null);
});
