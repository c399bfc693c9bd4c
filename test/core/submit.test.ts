import assert from 'node:assert/strict';
import { type Bio, Bio as Bios, bioAlloc, REQ_READA, REQ_WRITE } from '../../src/block/bio.ts';
import { hangDisk, releaseDisk } from '../../src/block/disk-faults.ts';
import { recursive } from '../../src/block/submit.ts';
import { DM_ENDIO_REQUEUE, dmNoflushSuspending } from '../../src/core/device-mapper.ts';
import { doResume, doSuspend } from '../../src/core/ioctl.ts';
import type { MappedDevice } from '../../src/core/mapped-device.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../../src/core/suspend.ts';
import { type Kernel, resolved } from '../../src/machine/kernel.ts';
import { submitIo } from '../../src/scenarios/user-io.ts';
import { Mempool } from '../../src/shared/mempool.ts';
import { current } from '../../src/shared/task.ts';
import { remap, type Script } from '../../src/targets/scripted.ts';
import { bdevOf, endOf, Holding, kernelTest, read, stored, targetOf, type World, write } from '../support/kernel.ts';

/** A script that notes what it is asked to map, as `sector+size`, and sends it on. */
function noting(pieces: string[]): Script {
  return {
    map(ti, clone) {
      pieces.push(`${clone.sector}+${clone.size}`);
      return resolved(remap(ti, clone));
    },
  };
}

const sectors = [0, 1, 2, 3, 4, 5, 6, 7];

kernelTest('a bio is cut where targets end, and each target gets its part', function* cut(world) {
  const disk = yield* world.disk();
  const pieces: string[] = [];
  const script = world.script(noting(pieces));
  const md = yield* world.device(`0 2 scripted disk0 8 ${script}\n2 3 zero\n5 3 scripted disk0 0 ${script}`);
  assert.equal(yield* endOf(yield* write(md, 1, 6, 40)), '0');
  assert.deepEqual(pieces, ['1+1', '5+2']);
  assert.deepEqual(
    [9, 0, 1, 2].map((sector) => stored(disk, sector)),
    [40, 44, 45, 0],
  );
});

kernelTest(
  'a bio is cut at the split boundaries of a target, counted from where the target begins',
  function* boundary(world) {
    const disk = yield* world.disk();
    const pieces: string[] = [];
    const md = yield* world.device(`0 1 zero\n1 8 scripted disk0 0 ${world.script(noting(pieces))}`);
    targetOf(md, 1).splitIo = 2;
    assert.equal(yield* endOf(yield* write(md, 2, 5, 60)), '0');
    assert.deepEqual(pieces, ['2+1', '3+2', '5+2']);
    assert.deepEqual(
      sectors.map((sector) => stored(disk, sector)),
      [0, 60, 61, 62, 63, 64, 0, 0],
    );
  },
);

kernelTest('a bio that fits is mapped whole', function* whole(world) {
  yield* world.disk();
  const pieces: string[] = [];
  const md = yield* world.device(`0 8 scripted disk0 0 ${world.script(noting(pieces))}`);
  targetOf(md).splitIo = 4;
  assert.equal(yield* endOf(yield* write(md, 4, 4)), '0');
  assert.deepEqual(pieces, ['4+4']);
});

kernelTest('clones read into and write from the buffer of their bio', function* shared(world) {
  yield* world.disk();
  const places: number[] = [];
  const script = world.script({
    map(ti, clone) {
      places.push(clone.data);
      return resolved(remap(ti, clone));
    },
  });
  const md = yield* world.device(`0 2 scripted disk0 0 ${script}\n2 2 scripted disk0 2 ${script}`);
  assert.equal(yield* endOf(yield* write(md, 1, 3)), '0');
  assert.equal(places[1], (places[0] as number) + 1);
});

/** Which pieces are mapped while the first one is on its way: the submitter's own list shows. */
function* mapThree(world: World, pieces: string[], inside: boolean[]): Kernel<MappedDevice> {
  yield* world.disk();
  const script = world.script({
    map(ti, clone) {
      pieces.push(`map ${clone.sector}`);
      inside.push(current().inMakeRequest !== 0);
      return resolved(remap(ti, clone));
    },
    endIo(_ti, clone) {
      pieces.push(`end ${clone.sector}`);
      return resolved(0);
    },
  });
  return yield* world.device([0, 1, 2].map((i) => `${i} 1 scripted disk0 ${i} ${script}`).join('\n'));
}

kernelTest('inside make_request one piece is on its way before the remainder is mapped', function* remainder(world) {
  const pieces: string[] = [];
  const inside: boolean[] = [];
  const md = yield* mapThree(world, pieces, inside);
  assert.equal(yield* endOf(yield* write(md, 0, 3)), '0');
  assert.deepEqual(pieces, ['map 0', 'end 0', 'map 1', 'end 1', 'map 2', 'end 2']);
  assert.deepEqual(inside, [true, true, true]);
});

kernelTest(
  'a core that splits in a loop maps every piece before any is on its way',
  function* loop(world) {
    const pieces: string[] = [];
    const md = yield* mapThree(world, pieces, []);
    assert.equal(yield* endOf(yield* write(md, 0, 3)), '0');
    assert.deepEqual(pieces, ['map 0', 'map 1', 'map 2', 'end 0', 'end 1', 'end 2']);
  },
  { swaps: { splitRemainder: false } },
);

kernelTest('kdmflush, which is in no make_request, splits in a loop', function* thread(world) {
  const pieces: string[] = [];
  const inside: boolean[] = [];
  const md = yield* mapThree(world, pieces, inside);
  assert.equal(yield* doSuspend(md, 0), 0);
  const io = yield* write(md, 0, 3);
  assert.deepEqual(pieces, []);
  assert.equal(yield* doResume(md, 0), 0);
  assert.equal(yield* endOf(io), '0');
  assert.deepEqual(pieces, ['map 0', 'end 0', 'map 1', 'end 1', 'map 2', 'end 2']);
  assert.deepEqual(inside, [false, false, false]);
});

kernelTest(
  'the recursive engine enters the lower device before the upper one has returned',
  function* nested(world) {
    yield* world.disk();
    const order: string[] = [];
    const note = (name: string): Script => ({
      map(ti, clone) {
        order.push(name);
        return resolved(remap(ti, clone));
      },
    });
    yield* world.device(`0 8 scripted disk0 0 ${world.script(note('lower'))}`);
    const upper = world.script(note('upper'));
    const md = yield* world.device(`0 2 scripted dm0 0 ${upper}\n2 2 scripted dm0 2 ${upper}`);
    assert.equal(yield* endOf(yield* write(md, 1, 2)), '0');
    assert.deepEqual(order, ['upper', 'lower', 'upper', 'lower']);
  },
  // The gates of both devices are held at once, and the validator does not know that devices never stand below themselves.
  { swaps: { splitRemainder: false, engine: recursive }, lockdep: false },
);

/** A noflush suspend gets one part of a split bio back; gives all that was mapped. */
function* requeueOnePart(world: World): Kernel<string[]> {
  yield* world.disk();
  const pieces: string[] = [];
  const holding = new Holding();
  let maps = 0;
  const held: Script = {
    map(ti, clone) {
      pieces.push(`${clone.sector}+${clone.size}`);
      return maps++ > 0 ? resolved(remap(ti, clone)) : holding.map(ti, clone);
    },
    *endIo(ti): Kernel<number> {
      return (yield* dmNoflushSuspending(ti)) ? DM_ENDIO_REQUEUE : 0;
    },
    presuspend: () => holding.release(),
  };
  const md = yield* world.device(
    `0 2 scripted disk0 0 ${world.script(held)}\n2 3 scripted disk0 2 ${world.script(noting(pieces))}`,
  );
  const io = yield* write(md, 1, 4, 30);
  assert.equal(yield* doSuspend(md, DM_SUSPEND_NOFLUSH_FLAG), 0);
  assert.equal(yield* doResume(md, 0), 0);
  // The remainder has not been pushed back, so the first part is all that is mapped again.
  assert.equal(yield* endOf(io), '0');
  return pieces;
}

kernelTest(
  'a part that is pushed back is mapped again alone: it was trimmed to what had been mapped',
  function* part(world) {
    assert.deepEqual(yield* requeueOnePart(world), ['1+1', '2+3', '1+1']);
  },
);

kernelTest(
  'a bio that was split in a loop is pushed back whole',
  function* whole(world) {
    assert.deepEqual(yield* requeueOnePart(world), ['1+1', '2+3', '1+1', '2+3']);
  },
  { swaps: { splitRemainder: false } },
);

kernelTest('a bio without a table fails with -EIO', function* bare(world) {
  const md = yield* world.create();
  assert.equal(yield* endOf(yield* read(md, 0)), '-EIO');
});

kernelTest('a bio beyond the end of the device fails with -EIO before it is mapped', function* beyond(world) {
  yield* world.disk();
  const pieces: string[] = [];
  const md = yield* world.device(`0 4 scripted disk0 0 ${world.script(noting(pieces))}`);
  assert.equal(yield* endOf(yield* write(md, 3, 2)), '-EIO');
  assert.equal(yield* endOf(yield* write(md, 4)), '-EIO');
  assert.deepEqual(pieces, []);
});

kernelTest('a bio that reaches beyond the table is refused by the table itself', function* sentinel(world) {
  yield* world.disk();
  const pieces: string[] = [];
  const md = yield* world.device(`0 4 scripted disk0 0 ${world.script(noting(pieces))}`);
  // As for a bio that was on its way when the device shrank: the check of the device's size lets it pass.
  yield* bdevOf(md).capacity.write(0, HERE);
  assert.equal(yield* endOf(yield* write(md, 3, 2)), '-EIO');
  assert.equal(yield* endOf(yield* write(md, 9)), '-EIO');
  assert.deepEqual(pieces, ['3+1']);
  yield* bdevOf(md).capacity.write(4, HERE);
});

kernelTest('after I/O every pool has its reserve back and nothing is in flight', function* home(world) {
  yield* world.disk({ mode: 'softirq' });
  const md = yield* world.device('0 2 linear disk0 0\n2 2 error\n4 4 zero');
  for (const sector of [0, 1, 3, 5]) yield* endOf(yield* write(md, sector, 2));
  for (const handle of [md.ioPool, md.tioPool, md.bioSet, md.bioSplit]) {
    const pool = Mempool.at(handle);
    assert.equal(pool.currNr, pool.minNr);
  }
  assert.equal(yield* md.pending.read(HERE), 0);
});

kernelTest(
  'with no memory left I/O lives on the reserves of the device',
  function* reserves(world) {
    const disk = yield* world.disk({ mode: 'hardirq' });
    const md = yield* world.device('0 4 linear disk0 0');
    yield* hangDisk(disk);
    const hoard: Bio[] = [];
    for (let bio = bioAlloc(); bio !== null; bio = bioAlloc()) hoard.push(bio);
    const spare = (): void => Bios.free(hoard.pop() as Bio);
    spare();
    const first = yield* write(md, 0, 1, 21);
    assert.equal(Mempool.at(md.bioSet).currNr, 0);
    const helper = world.start(1, () => releaseDisk(disk));
    spare();
    // Its clone must wait for that of the first.
    const second = yield* write(md, 1, 1, 22);
    assert.deepEqual([yield* endOf(first), yield* endOf(second)], ['0', '0']);
    assert.deepEqual([stored(disk, 0), stored(disk, 1)], [21, 22]);
    yield* helper.join();
    while (hoard.length > 0) spare();
  },
  { slots: { bio: 8 }, runs: 200 },
);

kernelTest(
  'I/O from several CPUs at once all ends',
  function* parallel(world) {
    const disk = yield* world.disk({ mode: 'softirq', anyCpu: true });
    const md = yield* world.device('0 2 linear disk0 0\n2 4 linear disk0 2');
    const writers = [0, 1, 2].map((cpu) =>
      world.start(cpu, function* writer(): Kernel<void> {
        const ios = [yield* write(md, cpu, 1, 200 + cpu), yield* write(md, cpu + 3, 1, 300 + cpu)];
        for (const io of ios) assert.equal(yield* endOf(io), '0');
      }),
    );
    for (const writer of writers) yield* writer.join();
    assert.deepEqual(
      sectors.slice(0, 6).map((sector) => stored(disk, sector)),
      [200, 201, 202, 300, 301, 302],
    );
  },
  { runs: 200 },
);

kernelTest('a clone keeps the flags of its bio', function* flags(world) {
  yield* world.disk();
  const seen: number[] = [];
  const script = world.script({
    map(ti, clone) {
      seen.push(clone.bioFlags & (REQ_WRITE | REQ_READA));
      return resolved(remap(ti, clone));
    },
  });
  const md = yield* world.device(`0 4 scripted disk0 0 ${script}`);
  for (const flags of [REQ_WRITE, 0, REQ_READA])
    yield* endOf(yield* submitIo(bdevOf(md), { sector: 0, size: 1, flags, stamp: 0 }));
  assert.deepEqual(seen, [REQ_WRITE, 0, REQ_READA]);
});
