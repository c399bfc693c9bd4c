import assert from 'node:assert/strict';
import { type Bio, bioEndio, setBioData } from '../../src/block/bio.ts';
import type { Disk } from '../../src/block/disk.ts';
import {
  DM_ENDIO_INCOMPLETE,
  DM_ENDIO_REQUEUE,
  DM_MAPIO_REQUEUE,
  DM_MAPIO_SUBMITTED,
  dmNoflushSuspending,
} from '../../src/core/device-mapper.ts';
import { DmIo } from '../../src/core/dm-io.ts';
import { __noflushSuspending, __storeError } from '../../src/core/end-io.ts';
import { doResume, doSuspend } from '../../src/core/ioctl.ts';
import type { MappedDevice } from '../../src/core/mapped-device.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../../src/core/suspend.ts';
import { EIO, ENOMEM, EOPNOTSUPP } from '../../src/machine/errno.ts';
import { type Kernel, resolved } from '../../src/machine/kernel.ts';
import { remap, type Script } from '../../src/targets/scripted.ts';
import {
  endOf,
  Holding,
  hasEnded,
  kernelTest,
  read,
  stored,
  until,
  untilAsked,
  type World,
  write,
} from '../support/kernel.ts';

/** A device of two targets with one script each, over an inline disk. */
function* twoTargets(world: World, first: Script, second: Script): Kernel<{ disk: Disk; md: MappedDevice }> {
  const disk = yield* world.disk();
  const table = `0 1 scripted disk0 0 ${world.script(first)}\n1 1 scripted disk0 1 ${world.script(second)}`;
  return { disk, md: yield* world.device(table) };
}

kernelTest('a clone that map leaves to the target ends when the target says so', function* submitted(world) {
  yield* world.disk();
  const holding = new Holding();
  const md = yield* world.device(`0 4 scripted disk0 0 ${world.script(holding)}`);
  const io = yield* write(md, 0);
  assert(!hasEnded(io));
  yield* holding.release();
  assert.equal(yield* endOf(io), '0');
});

kernelTest('a clone that map remaps goes to the device and sector that it now names', function* remapped(world) {
  const disk = yield* world.disk();
  const md = yield* world.device('0 4 linear disk0 5');
  assert.equal(yield* endOf(yield* write(md, 1, 2, 70)), '0');
  assert.deepEqual(
    [5, 6, 7, 8].map((sector) => stored(disk, sector)),
    [0, 70, 71, 0],
  );
});

kernelTest('an error of map is the error of the bio', function* refused(world) {
  yield* world.disk();
  const md = yield* world.device(`0 4 scripted disk0 0 ${world.script({ map: () => resolved(-ENOMEM) })}`);
  assert.equal(yield* endOf(yield* write(md, 0)), '-ENOMEM');
});

kernelTest(
  'map may not answer with a number that means nothing',
  function* unknown(world) {
    yield* world.disk();
    const md = yield* world.device(`0 4 scripted disk0 0 ${world.script({ map: () => resolved(3) })}`);
    yield* write(md, 0);
  },
  { finding: { kind: 'assertion', message: /unimplemented target map return value: 3/ } },
);

kernelTest(
  'end_io may not answer with a number that means nothing',
  function* unknown(world) {
    yield* world.disk();
    const md = yield* world.device(`0 4 scripted disk0 0 ${world.script({ endIo: () => resolved(3) })}`);
    yield* write(md, 0);
  },
  { finding: { kind: 'assertion', message: /unimplemented target endio return value: 3/ } },
);

kernelTest(
  'the error of an I/O changes with endio_lock held',
  function* unlocked() {
    const io = DmIo.alloc();
    assert(io !== null);
    yield* __storeError(io, -ENOMEM);
  },
  { finding: { kind: 'assertion', message: /must hold &io->endio_lock here/ } },
);

kernelTest('an end_io that answers 0 leaves the error as it is', function* kept(world) {
  const disk = yield* world.disk();
  const errors: number[] = [];
  const script = world.script({
    endIo(_ti, _clone, error) {
      errors.push(error);
      return resolved(0);
    },
  });
  const md = yield* world.device(`0 4 scripted disk0 0 ${script}`);
  assert.equal(yield* endOf(yield* write(md, 0)), '0');
  yield* disk.failNext.set(1, HERE);
  assert.equal(yield* endOf(yield* write(md, 0)), '-EIO');
  assert.deepEqual(errors, [0, -EIO]);
});

kernelTest('an error of end_io replaces the one that came', function* replaced(world) {
  const disk = yield* world.disk();
  const md = yield* world.device(`0 4 scripted disk0 0 ${world.script({ endIo: () => resolved(-EOPNOTSUPP) })}`);
  assert.equal(yield* endOf(yield* write(md, 0)), '-EOPNOTSUPP');
  yield* disk.failNext.set(1, HERE);
  assert.equal(yield* endOf(yield* write(md, 0)), '-EOPNOTSUPP');
});

kernelTest('a clone that end_io keeps ends when the target ends it again', function* incomplete(world) {
  yield* world.disk();
  const kept: Bio[] = [];
  const script = world.script({
    endIo(_ti, clone) {
      if (kept.includes(clone)) return resolved(0);
      kept.push(clone);
      return resolved(DM_ENDIO_INCOMPLETE);
    },
  });
  const md = yield* world.device(`0 4 scripted disk0 0 ${script}`);
  const io = yield* write(md, 0);
  assert.equal(kept.length, 1);
  assert(!hasEnded(io));
  yield* bioEndio(kept[0] as Bio, 0);
  assert.equal(yield* endOf(io), '0');
});

kernelTest('a target may end a clone in its map', function* ended(world) {
  yield* world.disk();
  const script = world.script({
    *map(_ti, clone): Kernel<number> {
      setBioData(clone, 0, 4711);
      yield* bioEndio(clone, 0);
      return DM_MAPIO_SUBMITTED;
    },
  });
  const md = yield* world.device(`0 4 scripted disk0 0 ${script}`);
  assert.equal(yield* endOf(yield* read(md, 2)), '0');
});

/** What one of the two clones of a bio ends with. */
interface Part {
  readonly sector: number;
  readonly error: number;
}

/** Two clones of one bio are kept and then end in a given order; gives what the bio ends with. */
function* endInOrder(world: World, parts: readonly Part[]): Kernel<string> {
  const holding = new Holding();
  const { md } = yield* twoTargets(world, holding, holding);
  const io = yield* write(md, 0, 2);
  const clones = holding.held.splice(0);
  const inOrder = parts.map(({ sector }) => clones.find((clone) => clone.sector === sector) as Bio);
  for (const [i, { error }] of parts.entries()) yield* bioEndio(inOrder[i] as Bio, error);
  return yield* endOf(io);
}

const LOOP = { swaps: { splitRemainder: false } };
const ORDERS: readonly { readonly what: string; readonly errors: readonly [number, number]; readonly end: string }[] = [
  { what: 'two good clones', errors: [0, 0], end: '0' },
  { what: 'an error, then a good clone', errors: [-EIO, 0], end: '-EIO' },
  { what: 'a good clone, then an error', errors: [0, -EIO], end: '-EIO' },
  { what: 'two errors', errors: [-EIO, -ENOMEM], end: '-ENOMEM' },
  { what: 'two other errors', errors: [-ENOMEM, -EIO], end: '-EIO' },
];

for (const { what, errors, end } of ORDERS)
  for (const [near, far] of [
    [0, 1],
    [1, 0],
  ] as const)
    kernelTest(
      `a bio of ${what}, clone ${near} first, ends with ${end}: the last error wins`,
      function* precedence(world) {
        const parts = [
          { sector: near, error: errors[0] },
          { sector: far, error: errors[1] },
        ];
        assert.equal(yield* endInOrder(world, parts), end);
      },
      { ...LOOP, runs: 5 },
    );

kernelTest('of the parts that are chained to a bio, the first error stays', function* chained(world) {
  assert.equal(
    yield* endInOrder(world, [
      { sector: 0, error: -EIO },
      { sector: 1, error: -ENOMEM },
    ]),
    '-EIO',
  );
});

/** Both targets answer in end_io what `answers` says, once; a noflush suspend is under way or not. */
function* answerOnce(world: World, answers: readonly [number, number], noflush: boolean): Kernel<string> {
  const holding = new Holding();
  const script = (answer: number): Script => {
    let ended = 0;
    return {
      map: (ti, clone) => (ended === 0 ? holding.map(ti, clone) : resolved(remap(ti, clone))),
      endIo: (_ti, _clone, error) => resolved(ended++ === 0 ? answer : error),
    };
  };
  const { disk, md } = yield* twoTargets(world, script(answers[0]), script(answers[1]));
  const io = yield* write(md, 0, 2, 50);
  const suspender = world.start(1, function* suspend(): Kernel<void> {
    if (noflush) assert.equal(yield* doSuspend(md, DM_SUSPEND_NOFLUSH_FLAG), 0);
  });
  if (noflush) yield* untilAsked(() => __noflushSuspending(md));
  yield* holding.release();
  yield* suspender.join();
  if (noflush) {
    assert(!hasEnded(io));
    assert.equal(yield* doResume(md, 0), 0);
  }
  const end = yield* endOf(io);
  if (end === '0') assert.deepEqual([stored(disk, 0), stored(disk, 1)], [50, 51]);
  return end;
}

const REQUEUED: readonly (readonly [number, number])[] = [
  [DM_ENDIO_REQUEUE, -EIO],
  [-EIO, DM_ENDIO_REQUEUE],
  [DM_ENDIO_REQUEUE, 0],
  [0, DM_ENDIO_REQUEUE],
  [DM_ENDIO_REQUEUE, DM_ENDIO_REQUEUE],
];
for (const answers of REQUEUED)
  kernelTest(
    `under a noflush suspend clones that end with ${answers.join(' and ')} push the bio back, and it is mapped again`,
    function* superseded(world) {
      assert.equal(yield* answerOnce(world, answers, true), '0');
    },
    { ...LOOP, runs: 100 },
  );

const REFUSED: readonly { readonly answers: readonly [number, number]; readonly end: string }[] = [
  { answers: [DM_ENDIO_REQUEUE, 0], end: '-EIO' },
  { answers: [0, DM_ENDIO_REQUEUE], end: '-EIO' },
  { answers: [-ENOMEM, DM_ENDIO_REQUEUE], end: '-EIO' },
  { answers: [DM_ENDIO_REQUEUE, -ENOMEM], end: '-ENOMEM' },
];
for (const { answers, end } of REFUSED)
  kernelTest(
    `without a noflush suspend clones that end with ${answers.join(' and ')} fail the bio with ${end}`,
    function* failed(world) {
      assert.equal(yield* answerOnce(world, answers, false), end);
    },
    { ...LOOP, oracles: false },
  );

kernelTest(
  'without a noflush suspend a bio whose map says REQUEUE fails with -EIO',
  function* mapRequeue(world) {
    yield* world.disk();
    const md = yield* world.device(`0 4 scripted disk0 0 ${world.script({ map: () => resolved(DM_MAPIO_REQUEUE) })}`);
    assert.equal(yield* endOf(yield* write(md, 0)), '-EIO');
  },
  { oracles: false },
);

kernelTest(
  'a flushing suspend lets no bio be pushed back',
  function* flushing(world) {
    yield* world.disk();
    const holding = new Holding();
    const script = world.script({
      map: (ti, clone) => holding.map(ti, clone),
      endIo: () => resolved(DM_ENDIO_REQUEUE),
      presuspend: () => holding.release(),
    });
    const md = yield* world.device(`0 4 scripted disk0 0 ${script}`);
    const io = yield* write(md, 0);
    assert.equal(yield* doSuspend(md, 0), 0);
    assert.equal(yield* endOf(io), '-EIO');
  },
  { oracles: false },
);

kernelTest(
  'a map that says REQUEUE under a noflush suspend pushes the bio back',
  function* mapPushesBack(world) {
    const disk = yield* world.disk();
    let asked = 0;
    let suspending = false;
    const script = world.script({
      *map(ti, clone): Kernel<number> {
        if (asked++ > 0) return remap(ti, clone);
        suspending = true;
        yield* untilAsked(() => dmNoflushSuspending(ti));
        return DM_MAPIO_REQUEUE;
      },
    });
    const md = yield* world.device(`0 4 scripted disk0 0 ${script}`);
    const submitter = world.start(1, function* submit(): Kernel<void> {
      assert.equal(yield* endOf(yield* write(md, 3, 1, 9)), '0');
    });
    yield* until(() => suspending);
    assert.equal(yield* doSuspend(md, DM_SUSPEND_NOFLUSH_FLAG), 0);
    assert.equal(stored(disk, 3), 0);
    assert.equal(yield* doResume(md, 0), 0);
    yield* submitter.join();
    assert.deepEqual([asked, stored(disk, 3)], [2, 9]);
  },
  { runs: 100 },
);
