import { type Test, test } from 'tap';
import { KernelFinding } from '../../src/machine/finding.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { memory, POISON } from '../../src/shared/memory.ts';
import { declareMutex, mutexField } from '../../src/shared/mutex.ts';
import { rwSemaphoreField } from '../../src/shared/rw-semaphore.ts';
import { semaphoreField } from '../../src/shared/semaphore.ts';
import { slabAlloc, slabFree } from '../../src/shared/slab.ts';
import type { Sleepers } from '../../src/shared/sleepers.ts';
import { declareSpinLock, SPINLOCK_WORDS, spinLockField } from '../../src/shared/spinlock.ts';
import {
  atomic,
  defineStruct,
  embed,
  flags,
  marked,
  plain,
  ref,
  type Struct,
  type StructType,
} from '../../src/shared/struct.ts';
import {
  attachMemory,
  eachLiveLock,
  lockTypeAt,
  planMachineMemory,
  wordName,
} from '../../src/shared/struct-registry.ts';
import type { Atomic, Flags, Marked } from '../../src/shared/word.ts';
import { expectFinding, runTask } from '../support/model.ts';

interface Node extends Struct {
  value: number;
  other: Node | null;
  readonly seen: Marked;
  readonly count: Atomic;
  readonly bits: Flags;
  readonly listLock: { readonly word: number };
  readonly pair: { readonly word: number };
  last: number;
}

const Node: StructType<Node> = defineStruct<Node>('test-node', 'node', 3, {
  value: plain,
  other: ref(() => Node),
  seen: marked,
  count: atomic,
  bits: flags,
  listLock: spinLockField,
  pair: embed(2, (word) => ({ word })),
  last: plain,
});

interface Sleeping {
  readonly sleepers: Sleepers;
}

interface Slept extends Struct {
  readonly mutex: Sleeping;
  readonly rwsem: Sleeping;
  readonly sem: Sleeping;
}

const Slept = defineStruct<Slept>('test-slept', 'slept', 1, {
  mutex: mutexField,
  rwsem: rwSemaphoreField,
  sem: semaphoreField,
});

/** A fresh memory for code without operations. */
function attach(allocators = 1): void {
  const plan = planMachineMemory({ cpus: 2, allocators, slots: {}, staticWords: 16 });
  attachMemory(new Int32Array(new SharedArrayBuffer(plan.size * 4)), plan, 0, true);
}

function node(): Node {
  const made = Node.alloc();
  if (made === null) throw new Error('no node is free');
  return made;
}

/** The finding that a plain access makes. */
function findingOf(t: Test, access: () => void): KernelFinding {
  try {
    access();
  } catch (error) {
    if (error instanceof KernelFinding) return error;
    throw error;
  }
  t.fail('no finding');
  throw new Error('no finding');
}

function usedAfterFree(t: Test, message: RegExp, access: () => void): void {
  const finding = findingOf(t, access);
  t.match(finding, { kind: 'use-after-free', invariant: 'I14' });
  t.match(finding.message, message);
}

test('fields lie in the order in which they are written, after a header of two words', async (t) => {
  const fields = ['value', 'other', 'seen', 'count', 'bits', 'listLock', 'pair', 'last'];
  t.strictSame(fields.map(Node.offsetOf), [2, 3, 4, 5, 6, 7, 11, 13]);
  t.equal(Node.slotWords, 16);
});

test('a new object is zeroed and its views read and write its words', async (t) => {
  attach();
  const a = node();
  const b = node();
  t.strictSame([a.value, a.other, a.last], [0, null, 0]);
  a.value = -7;
  a.last = 3;
  a.other = b;
  t.strictSame([memory.words[a.address + 2], memory.words[a.address + 13]], [-7, 3]);
  t.equal(a.other, b, 'one view for each object');
  a.other = null;
  t.equal(a.other, null);
  t.equal(a.seen.word, a.address + 4);
  t.equal(a.seen, a.seen, 'the object of a field is made once');
  t.equal(Node.at(a.handle), a);
  t.strictSame(Node.live(), [a, b]);
  t.ok(a.handle > 0, 'a handle is a positive number: 0 is null');
});

test('each field of a retired view is a use after free, and so is a second free', async (t) => {
  attach();
  const a = node();
  Node.free(a);
  usedAfterFree(t, /^test-node\.value is used after its test-node was freed/, () => a.value);
  usedAfterFree(t, /^test-node\.value /, () => {
    a.value = 1;
  });
  usedAfterFree(t, /^test-node\.other /, () => a.other);
  usedAfterFree(t, /^test-node\.seen /, () => a.seen);
  usedAfterFree(t, /^test-node\.listLock /, () => a.listLock);
  usedAfterFree(t, /^test-node\.free /, () => Node.free(a));
  t.strictSame(Node.live(), []);
});

test('a stale view and a stale handle stay stale when the slot is used again', async (t) => {
  attach();
  const stale = node();
  const keeper = node();
  keeper.other = stale;
  Node.free(stale);
  usedAfterFree(t, /a reference leads to a test-node that was freed/, () => keeper.other);
  let again = node();
  while (again.address !== stale.address) {
    Node.free(again);
    again = node();
  }
  again.value = 5;
  usedAfterFree(t, /^test-node\.value /, () => stale.value);
  usedAfterFree(t, /a reference leads to a test-node/, () => keeper.other);
  usedAfterFree(t, /a reference leads to a test-node/, () => Node.at(stale.handle));
  t.equal(again.value, 5);
});

test('a recycled object is zeroed in its place and retires its old views', async (t) => {
  attach();
  const old = node();
  old.value = 4;
  const fresh = Node.recycle(old);
  t.equal(fresh.address, old.address);
  t.equal(fresh.value, 0);
  usedAfterFree(t, /^test-node\.value /, () => old.value);
  usedAfterFree(t, /^test-node\.recycle /, () => Node.recycle(old));
});

test('freed memory is poison, which a kept word meets at its next operation', async (t) => {
  const accesses: [string, (words: { seen: Marked; count: Atomic; bits: Flags }) => Kernel<unknown>][] = [
    ['seen', ({ seen }) => seen.read(HERE)],
    ['seen', ({ seen }) => seen.write(1, HERE)],
    ['count', ({ count }) => count.add(1, HERE)],
    ['count', ({ count }) => count.cmpxchg(0, 1, HERE)],
    ['bits', ({ bits }) => bits.set(1, HERE)],
  ];
  for (const [field, access] of accesses) {
    const result = runTask(function* () {
      const object = node();
      const { seen, count, bits } = object;
      Node.free(object);
      t.equal(memory.words[seen.word], POISON);
      yield* access({ seen, count, bits });
    });
    const message = new RegExp(`^test-node\\.${field} is used after its object was freed`);
    expectFinding(t, result, { kind: 'use-after-free', invariant: 'I14', message });
  }
});

test('a freed slot is used again last', async (t) => {
  attach();
  const [a, b, c] = [node(), node(), node()];
  t.equal(Node.alloc(), null, 'three slots, three objects');
  Node.free(b);
  Node.free(a);
  t.equal(node().address, b.address, 'first freed, first used again');
  Node.free(c);
  t.strictSame([node().address, node().address], [a.address, c.address]);
});

test('each allocator has slots of its own, and gets them back from the others', async (t) => {
  attach(2);
  const slab = memory.plan?.slabs.get('test-node');
  if (slab === undefined) throw new Error('no slab');
  const home = (address: number): number => ((address - slab.firstSlot) / slab.slotWords) % 2;
  const mine = [1, 2, 3].map(() => slabAlloc(slab, 2));
  t.strictSame(mine.map(home), [0, 0, 0]);
  t.equal(slabAlloc(slab, 2), 0, 'what lies on the other list is out of reach');
  memory.allocator = 1;
  const theirs = slabAlloc(slab, 2);
  t.equal(home(theirs), 1);
  // Freed by the other one: it goes home.
  slabFree(slab, 2, mine[0] as number);
  slabFree(slab, 2, mine[1] as number);
  memory.allocator = 0;
  t.strictSame([slabAlloc(slab, 2), slabAlloc(slab, 2)].sort(), mine.slice(0, 2).sort());
  t.equal(slabAlloc(slab, 2), 0);
  // What waits for another owner serves in need.
  slabFree(slab, 2, theirs);
  t.equal(slabAlloc(slab, 2), theirs);
});

test('the list of sleepers in a lock has a name of its own', async (t) => {
  attach();
  const slept = Slept.alloc();
  if (slept === null) throw new Error('no slot is free');
  const { mutex, rwsem, sem } = slept;
  const ends = ({ sleepers }: Sleeping): string[] =>
    [SPINLOCK_WORDS, SPINLOCK_WORDS + 1].map((offset) => wordName(sleepers.word + offset));
  t.strictSame([mutex, rwsem, sem, declareMutex('&test_mutex')].map(ends), [
    ['&slept->mutex.wait_list', '&slept->mutex.wait_list'],
    ['&slept->rwsem.wait_list', '&slept->rwsem.wait_list'],
    ['&slept->sem.wait_list', '&slept->sem.wait_list'],
    ['&test_mutex.wait_list', '&test_mutex.wait_list'],
  ]);
  // Its spinlock is called what schedules know of it.
  const inner = [mutex, rwsem, sem].map(({ sleepers }) => wordName(sleepers.waitLock.word));
  t.strictSame(inner, ['&slept->mutex', '&slept->rwsem', '&slept->sem']);
});

test('words are called by the fields in which they lie', async (t) => {
  attach();
  const a = node();
  const lock = declareSpinLock('&test_lock');
  t.strictSame([a.listLock.word, a.listLock.word + 2, a.seen.word, a.pair.word + 1, lock.word, 3].map(wordName), [
    '&node->list_lock',
    '&node->list_lock',
    'test-node.seen',
    'test-node.pair',
    '&test_lock',
    'word 3',
  ]);
  t.strictSame([a.listLock.word, a.listLock.word + 1, a.seen.word, lock.word].map(lockTypeAt), [
    'spinlock',
    null,
    null,
    'spinlock',
  ]);
  const names: string[] = [];
  eachLiveLock((_word, name) => names.push(name));
  const own = names.filter((name) => /node|test/.test(name));
  t.strictSame(own, ['&node->list_lock', '&test_lock']);
});

test('two structs of one name, too many static words and too much memory are refused', async (t) => {
  t.throws(() => defineStruct<Struct>('test-node', 'node', 1, {}), { message: /two structs are called test-node/ });
  attach();
  t.throws(() => Array.from({ length: 200 }, () => declareSpinLock('&x')), { message: /more than 16 static words/ });
  const config = { cpus: 1, allocators: 1, slots: { 'test-node': 1 << 20 }, staticWords: 0 };
  t.throws(() => planMachineMemory(config), { message: /1048576 are the most/ });
});
