import assert from 'node:assert/strict';
import { type Bio, bioAlloc, bioChain, bioData, bioEndio, bioPut, endIos, setBioData } from '../../src/block/bio.ts';
import type { BioList } from '../../src/block/bio-list.ts';
import { EIO, ENOMEM } from '../../src/machine/errno.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { kernelTest } from '../support/kernel.ts';

/** What has ended, as `private error`. */
let ended: string[] = [];
const NOTED_ENDIO = endIos.define('test_noted', function* noted(bio, error): Kernel<void> {
  ended.push(`${bio.private} ${error}`);
  yield* bioPut(bio, HERE);
});

/** A bio whose end is noted. */
function notedBio(number: number): Bio {
  const bio = bioAlloc();
  assert(bio !== null);
  bio.endIo = NOTED_ENDIO;
  bio.private = number;
  return bio;
}

/** A bio without an end of its own. */
function plainBio(): Bio {
  const bio = bioAlloc();
  assert(bio !== null);
  return bio;
}

// These bios are never submitted, so the oracles, which follow a bio on its way, would not know them.
const ALONE = { oracles: false };

kernelTest(
  'a bio that ends runs its end_io with the error',
  function* plain() {
    ended = [];
    yield* bioEndio(notedBio(1), 0);
    yield* bioEndio(notedBio(2), -EIO);
    assert.deepEqual(ended, ['1 0', '2 -5']);
  },
  ALONE,
);

kernelTest(
  'a bio has a buffer of its own, one word for each sector',
  function* buffers() {
    const [a, b] = [notedBio(1), notedBio(2)];
    for (let i = 0; i < 8; i++) setBioData(a, i, 10 + i);
    for (let i = 0; i < 8; i++) setBioData(b, i, 20 + i);
    assert.deepEqual([bioData(a, 0), bioData(a, 7), bioData(b, 0)], [10, 17, 20]);
    yield* bioPut(a, HERE);
    yield* bioPut(b, HERE);
  },
  ALONE,
);

kernelTest(
  'a parent ends once, when it and all that is chained to it have ended, in whatever order',
  function* orders() {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
    ]) {
      ended = [];
      const parent = notedBio(1);
      const bios = [parent, plainBio(), plainBio()];
      for (const child of bios.slice(1)) yield* bioChain(child, parent, HERE);
      for (const [i, which] of order.entries()) {
        assert.deepEqual(ended, []);
        yield* bioEndio(bios[which] as Bio, i === 3 ? -EIO : 0);
      }
      assert.deepEqual(ended, ['1 0']);
    }
  },
  ALONE,
);

kernelTest(
  'the first error of a chain stays, whoever it comes from',
  function* sticks() {
    ended = [];
    const parent = notedBio(1);
    const [a, b] = [plainBio(), plainBio()];
    yield* bioChain(a, parent, HERE);
    yield* bioChain(b, parent, HERE);
    yield* bioEndio(a, -ENOMEM);
    yield* bioEndio(parent, -EIO);
    yield* bioEndio(b, 0);
    assert.deepEqual(ended, ['1 -12']);
  },
  ALONE,
);

kernelTest(
  'a chain whose parts end on three CPUs at once ends once',
  function* parallel(world) {
    ended = [];
    const parent = notedBio(1);
    const [a, b] = [plainBio(), plainBio()];
    yield* bioChain(a, parent, HERE);
    yield* bioChain(b, a, HERE);
    const tasks = [
      world.start(1, () => bioEndio(a, -EIO)),
      world.start(2, () => bioEndio(b, -ENOMEM)),
      world.start(0, () => bioEndio(parent, 0)),
    ];
    for (const { join } of tasks) yield* join();
    world.outcome = ended.join();
    assert(ended.length === 1 && ['1 -5', '1 -12'].includes(ended[0] as string));
  },
  { ...ALONE, runs: 300 },
);

const LONG = 20_000;
kernelTest(
  'a long chain ends without recursion',
  function* long() {
    ended = [];
    const bios = [notedBio(1)];
    for (let i = 1; i < LONG; i++) {
      const child = plainBio();
      yield* bioChain(child, bios[i - 1] as Bio, HERE);
      bios.push(child);
    }
    const last = bios.pop() as Bio;
    for (const bio of bios) yield* bioEndio(bio, 0);
    assert.deepEqual(ended, []);
    yield* bioEndio(last, -EIO);
    assert.deepEqual(ended, ['1 -5']);
    assert.equal(bioAlloc() === null, false);
  },
  { ...ALONE, runs: 1, slots: { bio: LONG + 8 }, stepLimit: 20 * LONG },
);

kernelTest(
  'a bio that has an end_io cannot be chained to another',
  function* owned() {
    yield* bioChain(notedBio(1), notedBio(2), HERE);
  },
  { ...ALONE, finding: { kind: 'assertion', message: /a bio that has an end_io is chained/ } },
);

const numbersOf = (list: BioList, bios: readonly Bio[]): number[] =>
  [...list.handles()].map((handle) => bios.findIndex((bio) => bio.handle === handle));

kernelTest(
  'a list of bios is first in, first out, with a way in at the head',
  function* lists(world) {
    const md = yield* world.create();
    const list = md.deferred;
    const bios = Array.from({ length: 4 }, plainBio);
    assert(list.empty);
    assert.equal(list.pop(), null);
    for (const i of [0, 1]) list.add(bios[i] as Bio);
    list.addHead(bios[2] as Bio);
    list.add(bios[3] as Bio);
    assert.deepEqual(numbersOf(list, bios), [2, 0, 1, 3]);
    assert.equal(list.pop(), bios[2]);
    while (list.pop() !== null);
    assert(list.empty);
    list.addHead(bios[1] as Bio);
    list.add(bios[0] as Bio);
    assert.deepEqual(numbersOf(list, bios), [1, 0]);
    while (list.pop() !== null);
    for (const bio of bios) yield* bioPut(bio, HERE);
  },
  ALONE,
);

kernelTest(
  'lists are merged in front or behind, and the other one is left empty',
  function* merges(world) {
    const { deferred: list, pushback: other } = yield* world.create();
    const bios = Array.from({ length: 6 }, plainBio);
    const fill = (to: BioList, ...numbers: number[]): void => {
      for (const i of numbers) to.add(bios[i] as Bio);
    };
    list.mergeHead(other);
    assert(list.empty);
    fill(other, 0, 1);
    list.mergeHead(other);
    assert.deepEqual(numbersOf(list, bios), [0, 1]);
    fill(other, 2, 3);
    list.mergeHead(other);
    assert(other.empty);
    assert.deepEqual(numbersOf(list, bios), [2, 3, 0, 1]);
    fill(other, 4);
    list.mergeTail(other);
    fill(list, 5);
    assert(other.empty);
    assert.deepEqual(numbersOf(list, bios), [2, 3, 0, 1, 4, 5]);
    while (list.pop() !== null);
    fill(other, 0, 1);
    list.mergeTail(other);
    list.mergeTail(other);
    fill(list, 2);
    assert.deepEqual(numbersOf(list, bios), [0, 1, 2]);
    while (list.pop() !== null);
    for (const bio of bios) yield* bioPut(bio, HERE);
  },
  ALONE,
);
