import assert from 'node:assert/strict';
import { type Bio, bioAlloc, bioEndio, bioPut, endIos } from '../../src/block/bio.ts';
import { addBlockDevice, type BlockDevice, makeRequests } from '../../src/block/block-device.ts';
import { genericMakeRequest, recursive } from '../../src/block/submit.ts';
import { errnoText } from '../../src/machine/errno.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { spinLock, spinUnlock } from '../../src/shared/spinlock.ts';
import { current } from '../../src/shared/task.ts';
import { kernelTest } from '../support/kernel.ts';

/** What a driver does before it ends the bio that it got, by the device's minor. */
type Driver = (bdev: BlockDevice, name: string) => Kernel<void>;
let drivers: Driver[] = [];
/** What happened: `> name` a driver begins with a bio, `< name` it returns, `name error` a bio ended. */
let trace: string[] = [];
/** Names of bios, by their private word. */
let names: string[] = [];

const TEST_ENDIO = endIos.define('test_submit_endio', function* ended(bio, error): Kernel<void> {
  if (error !== 0) trace.push(`${names[bio.private]} ${errnoText(error)}`);
  yield* bioPut(bio, HERE);
});

const TEST_DRIVER = makeRequests.define('test_driver', function* driver(bdev, bio): Kernel<void> {
  const name = names[bio.private] as string;
  trace.push(`> ${name}`);
  yield* (drivers[bdev.minor] as Driver)(bdev, name);
  yield* bioEndio(bio, 0);
  trace.push(`< ${name}`);
});

function* none(): Kernel<void> {}

/** A device of its own for each driver. */
function* plug(...list: Driver[]): Kernel<BlockDevice[]> {
  drivers = list;
  trace = [];
  names = [];
  const devices: BlockDevice[] = [];
  for (let minor = 0; minor < list.length; minor++) {
    const options = { major: 9, minor, name: `test${minor}`, makeRequest: TEST_DRIVER, private: 0 };
    const added = yield* addBlockDevice(options);
    assert(typeof added !== 'number');
    devices.push(added);
  }
  return devices;
}

/** Submits a bio. */
function* send(bdev: BlockDevice, name: string, sector = 0, size = 1): Kernel<void> {
  const bio: Bio | null = bioAlloc();
  assert(bio !== null);
  bio.bdev = bdev.handle;
  bio.sector = sector;
  bio.size = size;
  bio.endIo = TEST_ENDIO;
  bio.private = names.push(name) - 1;
  yield* genericMakeRequest(bio);
}

const begun = (): string[] => trace.filter((line) => line.startsWith('>')).map((line) => line.slice(2));

kernelTest('outside a driver a bio has been to its driver when the call returns', function* outside() {
  const [only] = yield* plug(none);
  yield* send(only as BlockDevice, 'a');
  assert.deepEqual(trace, ['> a', '< a']);
});

kernelTest('inside a driver a bio has not reached its own driver when the call returns', function* inside() {
  const devices: BlockDevice[] = yield* plug(function* upper(): Kernel<void> {
    yield* send(devices[1] as BlockDevice, 'b');
    trace.push('sent');
  }, none);
  yield* send(devices[0] as BlockDevice, 'a');
  assert.deepEqual(trace, ['> a', 'sent', '< a', '> b', '< b']);
});

kernelTest(
  'what a driver sends to lower devices goes first, then to its own, then the older siblings',
  function* order() {
    const devices: BlockDevice[] = yield* plug(
      function* top(_bdev, name): Kernel<void> {
        if (name !== 'start') return;
        yield* send(devices[1] as BlockDevice, 'older');
        yield* send(devices[1] as BlockDevice, 'oldest sibling');
      },
      function* middle(bdev, name): Kernel<void> {
        if (name !== 'older') return;
        yield* send(bdev, 'same 1');
        yield* send(devices[2] as BlockDevice, 'lower 1');
        yield* send(bdev, 'same 2');
        yield* send(devices[2] as BlockDevice, 'lower 2');
      },
      none,
    );
    yield* send(devices[0] as BlockDevice, 'start');
    assert.deepEqual(begun(), ['start', 'older', 'lower 1', 'lower 2', 'same 1', 'same 2', 'oldest sibling']);
  },
);

kernelTest('all that a bio spawns is on its way before its older siblings are looked at', function* depth() {
  const devices: BlockDevice[] = yield* plug(
    function* top(): Kernel<void> {
      yield* send(devices[1] as BlockDevice, 'a');
      yield* send(devices[1] as BlockDevice, 'b');
    },
    function* middle(_bdev, name): Kernel<void> {
      yield* send(devices[2] as BlockDevice, `${name}1`);
      yield* send(devices[2] as BlockDevice, `${name}2`);
    },
    function* low(_bdev, name): Kernel<void> {
      yield* send(devices[3] as BlockDevice, `${name}x`);
    },
    none,
  );
  yield* send(devices[0] as BlockDevice, 'start');
  assert.deepEqual(begun(), ['start', 'a', 'a1', 'a1x', 'a2', 'a2x', 'b', 'b1', 'b1x', 'b2', 'b2x']);
});

kernelTest('the private lists of a task are empty and closed outside its drivers', function* lists() {
  const state = (): number[] => {
    const { inMakeRequest, bioHead0, bioHead1 } = current();
    return [inMakeRequest, bioHead0, bioHead1];
  };
  const devices: BlockDevice[] = yield* plug(function* top(): Kernel<void> {
    for (const name of ['a', 'b', 'c']) yield* send(devices[1] as BlockDevice, name);
    assert.equal(current().inMakeRequest, 1);
  }, none);
  assert.deepEqual(state(), [0, 0, 0]);
  for (let i = 0; i < 2; i++) {
    yield* send(devices[0] as BlockDevice, 'start');
    assert.deepEqual(state(), [0, 0, 0]);
  }
});

kernelTest(
  'tasks that submit at once have lists of their own',
  function* apart(world) {
    const devices: BlockDevice[] = yield* plug(function* top(_bdev, name): Kernel<void> {
      yield* send(devices[1] as BlockDevice, `${name}1`);
      yield* send(devices[1] as BlockDevice, `${name}2`);
    }, none);
    const tasks = ['a', 'b'].map((name, i) => world.start(1 + i, () => send(devices[0] as BlockDevice, name)));
    for (const { join } of tasks) yield* join();
    for (const name of ['a', 'b'])
      assert.deepEqual(
        begun().filter((each) => each.startsWith(name)),
        [name, `${name}1`, `${name}2`],
      );
  },
  { runs: 100 },
);

kernelTest(
  'the recursive engine calls each driver at once, inside the one above',
  function* nested() {
    const devices: BlockDevice[] = yield* plug(
      function* top(): Kernel<void> {
        yield* send(devices[1] as BlockDevice, 'b');
        yield* send(devices[2] as BlockDevice, 'd');
      },
      () => send(devices[2] as BlockDevice, 'c'),
      none,
    );
    yield* send(devices[0] as BlockDevice, 'a');
    assert.deepEqual(trace, ['> a', '> b', '> c', '< c', '< b', '> d', '< d', '< a']);
    assert.equal(current().inMakeRequest, 0);
  },
  { swaps: { engine: recursive, splitRemainder: false } },
);

for (const [engine, swaps] of [
  ['depth-first', {}],
  ['recursive', { engine: recursive, splitRemainder: false }],
] as const)
  kernelTest(
    `the ${engine} engine fails a bio beyond the end of its device with -EIO, and does not ask the driver`,
    function* beyond() {
      const [bdev] = (yield* plug(none)) as [BlockDevice];
      yield* bdev.capacity.write(4, HERE);
      yield* send(bdev, 'within', 0, 4);
      yield* send(bdev, 'last', 3, 1);
      yield* send(bdev, 'across', 3, 2);
      yield* send(bdev, 'behind', 4, 1);
      assert.deepEqual(begun(), ['within', 'last']);
      assert.deepEqual(
        trace.filter((line) => line.includes('EIO')),
        ['across -EIO', 'behind -EIO'],
      );
    },
    { swaps },
  );

kernelTest('a child beyond the end of its device fails too', function* child() {
  const devices: BlockDevice[] = yield* plug(function* top(): Kernel<void> {
    yield* send(devices[1] as BlockDevice, 'far', 9, 1);
    yield* send(devices[1] as BlockDevice, 'near', 0, 1);
  }, none);
  yield* (devices[1] as BlockDevice).capacity.write(4, HERE);
  yield* send(devices[0] as BlockDevice, 'start');
  assert.deepEqual(trace, ['> start', '< start', 'far -EIO', '> near', '< near']);
});

kernelTest('a device without a size takes any sector', function* unsized() {
  const [bdev] = (yield* plug(none)) as [BlockDevice];
  yield* send(bdev, 'far', 1 << 30, 8);
  assert.deepEqual(begun(), ['far']);
});

kernelTest(
  'a bio is not submitted with a spinlock held',
  function* atomic(world) {
    const [bdev] = (yield* plug(none)) as [BlockDevice];
    const md = yield* world.create();
    yield* spinLock(md.deferredLock, HERE);
    yield* send(bdev, 'a');
    yield* spinUnlock(md.deferredLock, HERE);
  },
  { finding: { kind: 'sleep-in-atomic', invariant: 'I18', message: /generic_make_request.*&md->deferred_lock/ } },
);
