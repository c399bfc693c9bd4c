import { test } from 'tap';
import { Holders } from '../../src/profile/holders.ts';
import { LOCK_TYPES, makeProfileBuffers } from '../../src/profile/layout.ts';
import { isReader, nameOfTaker, runnerOf, siteOfTaker, takerOf } from '../../src/profile/taker.ts';
import { READERS } from '../../src/profile/who.ts';

const LOCK = 100;
const [A_SITE, B_SITE] = [7, 8];
const [A_TASK, B_TASK] = [1001, 1002];
const a = takerOf(runnerOf(0, 10), A_SITE, 1);
const b = takerOf(runnerOf(1, 11), B_SITE, 1);
const [readerA, readerB] = [takerOf(runnerOf(0, 10), A_SITE, 0), takerOf(runnerOf(1, 11), B_SITE, 0)];

/** What CPU 0 knows of one lock. */
function knowing(type: (typeof LOCK_TYPES)[number], taker: number): Holders {
  const buffers = makeProfileBuffers(2, { by: 'class', exact: true, trace: false, inject: null });
  buffers.ids[LOCK] = 1;
  buffers.types[1] = LOCK_TYPES.indexOf(type);
  buffers.takers[LOCK] = taker;
  return new Holders(buffers, 0);
}

test('who took a lock last has it', (t) => {
  t.equal(knowing('spinlock', b).of(LOCK, a), b);
  t.equal(knowing('spinlock', 0).of(LOCK, a), 0, 'nobody, before anybody has');
  t.end();
});

test('who wants a lock that he took last is not blamed himself, unless there are units of it', (t) => {
  t.equal(knowing('mutex', a).of(LOCK, takerOf(runnerOf(0, 10), B_SITE, 1)), 0);
  t.equal(knowing('semaphore', a).of(LOCK, takerOf(runnerOf(0, 10), B_SITE, 1)), a);
  t.end();
});

test('readers have one name, and the place of the last one', (t) => {
  const taker = knowing('rw-semaphore', readerB).of(LOCK, a);
  t.strictSame([nameOfTaker(taker), siteOfTaker(taker), isReader(taker)], [READERS, B_SITE, true]);
  t.end();
});

test('a lock that is handed over belongs to whom it was handed to, until that one runs', (t) => {
  const holders = knowing('mutex', a);
  holders.asks(B_TASK, b);
  holders.handOver(LOCK, B_TASK);
  t.equal(holders.of(LOCK, a), b);
  holders.arrives(LOCK, b);
  t.equal(holders.of(LOCK, b), a, 'then those count who take it');
  t.end();
});

test('of readers that a lock is handed to together, the last one is blamed when the first one runs', (t) => {
  const holders = knowing('rw-semaphore', b);
  holders.asks(A_TASK, readerA);
  holders.asks(B_TASK, readerB);
  holders.handOver(LOCK, A_TASK);
  holders.handOver(LOCK, B_TASK);
  holders.arrives(LOCK, readerA);
  t.equal(siteOfTaker(holders.of(LOCK, a)), B_SITE);
  t.ok(isReader(holders.of(LOCK, a)));
  holders.arrives(LOCK, readerB);
  t.equal(holders.of(LOCK, a), b);
  t.end();
});
