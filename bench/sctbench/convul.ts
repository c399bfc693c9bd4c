/**
 * Programs of ConVul: the few lines of each vulnerability in which two threads meet. A pointer is a word: 0 is NULL, and what was
 * freed is kept in a word of its own.
 */
import type { Kernel } from '../../src/machine/kernel.ts';
import type { Run } from '../../src/scenarios/own/define.ts';
import { assert } from '../../src/scenarios/own/world.ts';
import type { Skeleton } from './kit.ts';

const wrong = (message: RegExp): Skeleton['bug'] => ({ kind: 'assertion', message });

const cve20093547: Skeleton = {
  name: 'ConVul-CVE-Benchmarks/CVE-2009-3547',
  title: 'a pipe is opened whose i_pipe is gone',
  bug: wrong(/i_pipe is NULL/),
  threads: 2,
  main(pthreads, { word, spinLock }, repaired) {
    const mutex = spinLock('i_mutex');
    const [pipe, readers] = [word('i_pipe', 1), word('readers')];
    function* open(): Kernel<void> {
      yield* mutex.lock();
      const seen = yield* pipe.read();
      if (!repaired) assert(seen !== 0, 'i_pipe is NULL');
      if (seen !== 0) yield* readers.write((yield* readers.read()) + 1);
      yield* mutex.unlock();
    }
    function* release(): Kernel<void> {
      yield* mutex.lock();
      yield* pipe.write(0);
      yield* mutex.unlock();
    }
    return () => pthreads.all([open, release], 0);
  },
};

const cve20112183: Skeleton = {
  name: 'ConVul-CVE-Benchmarks/CVE-2011-2183',
  title: 'ksmd has seen a list that is not empty, and takes its head for an element',
  bug: wrong(/mm is NULL/),
  threads: 2,
  main(pthreads, { word, spinLock }, repaired) {
    const HEAD = 0;
    const SLOT = 1;
    const lock = spinLock('ksm_mmlist_lock');
    const [next, cursor] = [word('ksm_mm_head.next', SLOT), word('ksm_scan.mm_slot', HEAD)];
    const [address, rmapList] = [word('ksm_scan.address'), word('ksm_scan.rmap_list')];
    const hash = word('mm_slots_hash', SLOT);
    function* scan(): Kernel<void> {
      if ((yield* next.read()) === HEAD) return;
      let slot = yield* cursor.read();
      yield* pthreads.locals(2);
      if (slot === HEAD) {
        yield* lock.lock();
        slot = yield* next.read();
        yield* cursor.write(slot);
        yield* lock.unlock();
        if (repaired && slot === HEAD) return;
        yield* address.write(0);
        yield* rmapList.write(slot);
      }
      assert(slot !== HEAD, 'mm is NULL');
      yield* lock.lock();
      yield* cursor.write(HEAD);
      yield* lock.unlock();
    }
    function* exit(): Kernel<void> {
      yield* pthreads.locals(2);
      yield* lock.lock();
      const slot = yield* hash.read();
      if (slot !== 0 && (yield* cursor.read()) !== slot) {
        yield* hash.write(0);
        yield* next.write(HEAD);
      }
      yield* lock.unlock();
    }
    return () => pthreads.all([scan, exit], 0);
  },
};

const cve20131792: Skeleton = {
  name: 'ConVul-CVE-Benchmarks/CVE-2013-1792',
  title: 'one keyring is there, so the other one is taken to be there too',
  bug: wrong(/session_keyring is NULL/),
  threads: 2,
  main(pthreads, { word, spinLock }, repaired) {
    const mutex = spinLock('key_user_keyring_mutex');
    const [uidKeyring, sessionKeyring] = [word('uid_keyring'), word('session_keyring')];
    function* install(): Kernel<void> {
      // thread_num, user_keyring_perm, cred, user.
      yield* pthreads.locals(7);
      const done = (yield* uidKeyring.read()) !== 0 && (!repaired || (yield* sessionKeyring.read()) !== 0);
      if (done) return;
      yield* mutex.lock();
      yield* pthreads.locals(2);
      if ((yield* uidKeyring.read()) === 0) {
        // Two keyrings are allocated; `user` and the keyring are loaded for each store.
        yield* pthreads.locals(4);
        yield* uidKeyring.write(1);
        yield* pthreads.locals(2);
        yield* sessionKeyring.write(1);
      }
      yield* mutex.unlock();
    }
    function* lookup(): Kernel<void> {
      yield* pthreads.locals(9);
      if ((yield* sessionKeyring.read()) === 0) yield* install();
      yield* pthreads.locals(4);
      assert((yield* sessionKeyring.read()) !== 0, 'session_keyring is NULL');
    }
    return () => pthreads.all([lookup, install], 0);
  },
};

const cve20157550: Skeleton = {
  name: 'ConVul-CVE-Benchmarks/CVE-2015-7550',
  title: 'a key is found valid, revoked, and read',
  bug: wrong(/keys is NULL/),
  threads: 2,
  main(pthreads, { word, spinLock }, repaired) {
    const sem = spinLock('key->sem');
    const [flags, keys] = [word('flags'), word('keys', 1)];
    function* revoke(): Kernel<void> {
      yield* pthreads.locals(2);
      yield* sem.lock();
      yield* flags.write(2);
      yield* keys.write(0);
      yield* sem.unlock();
    }
    function* read(): Kernel<void> {
      if (!repaired) {
        yield* pthreads.locals(3);
        if ((yield* flags.read()) !== 0) return;
        yield* pthreads.locals(5);
      }
      yield* sem.lock();
      const valid = !repaired || (yield* flags.read()) === 0;
      if (valid) assert((yield* keys.read()) !== 0, 'keys is NULL');
      yield* sem.unlock();
    }
    return () => pthreads.all([read, revoke], 0);
  },
};

const cve20161972: Skeleton = {
  name: 'ConVul-CVE-Benchmarks/CVE-2016-1972',
  title: 'the last one that waits frees the lock, while another one is about to wait',
  bug: wrong(/lock is NULL/),
  threads: 2,
  main(pthreads, { word, spinLock }, repaired) {
    const mutex = spinLock('lock->mutex');
    const [lock, waiters, done] = [word('lock', 1), word('waiters'), word('done')];
    function* enter(): Kernel<void> {
      const pointer = yield* lock.read();
      assert(pointer !== 0, 'lock is NULL');
      yield* pthreads.locals(2);
      yield* mutex.lock();
    }
    function* once(): Kernel<void> {
      // The guard of the static variable.
      yield* pthreads.locals(2);
      if ((yield* done.read()) !== 0) return;
      yield* pthreads.locals(1);
      yield* waiters.write((yield* waiters.read()) + 1);
      yield* enter();
      if ((yield* done.read()) === 0) yield* done.write(1);
      const pointer = yield* lock.read();
      assert(pointer !== 0, 'lock is NULL');
      yield* pthreads.locals(2);
      yield* mutex.unlock();
      const left = (yield* waiters.read()) - 1;
      yield* waiters.write(left);
      // Repaired: nobody frees it.
      if (left === 0 && !repaired) yield* lock.write(0);
    }
    return () => pthreads.all([once, once], 3);
  },
};

const cve20161973: Skeleton = {
  name: 'ConVul-CVE-Benchmarks/CVE-2016-1973',
  title: 'an instance is counted before it is there',
  bug: wrong(/instance is/),
  threads: 2,
  main(pthreads, { word, words, spinLock }, repaired) {
    const lock = spinLock('lock');
    const [count, instance] = [word('instance_count'), word('instance')];
    const freed = words('freed', 4);
    function* get(own: number): Kernel<number> {
      if (repaired) yield* lock.lock();
      yield* pthreads.locals(5);
      let creates = (yield* count.read()) === 0;
      if (!creates && (yield* count.add(1)) === 0) {
        yield* count.add(-1);
        creates = true;
      }
      if (creates) {
        yield* pthreads.locals(4);
        if ((yield* count.add(1)) === 0) yield* instance.exchange(own);
        else {
          yield* count.add(-1);
          yield* (freed[own] as typeof count).write(1);
          // Repaired: counted again, since the other one's instance is used.
          if (repaired) yield* count.add(1);
        }
      }
      const got = yield* instance.read();
      if (repaired) yield* lock.unlock();
      yield* pthreads.locals(3);
      return got;
    }
    function* put(): Kernel<void> {
      if (repaired) yield* lock.lock();
      if ((yield* count.add(-1)) === 1) {
        const old = yield* instance.exchange(0);
        if (old !== 0) yield* (freed[old] as typeof count).write(1);
      }
      if (repaired) yield* lock.unlock();
    }
    function* use(pointer: number): Kernel<void> {
      assert(pointer !== 0, 'the instance is NULL');
      assert((yield* (freed[pointer] as typeof count).read()) === 0, 'the instance is freed');
    }
    function* one(): Kernel<void> {
      yield* use(yield* get(1));
      yield* put();
    }
    function* two(): Kernel<void> {
      yield* use(yield* get(2));
    }
    return () => pthreads.all([two, one], 0);
  },
};

const cve20167911: Skeleton = {
  name: 'ConVul-CVE-Benchmarks/CVE-2016-7911',
  title: 'io_context is tested, and loaded once more',
  bug: wrong(/io_context is NULL/),
  threads: 2,
  main(pthreads, { word, spinLock }, repaired) {
    const lock = spinLock('alloc_lock');
    const [context, tasks] = [word('io_context', 1), word('nr_tasks', 1)];
    function* get(): Kernel<void> {
      yield* pthreads.locals(5);
      if (repaired) yield* lock.lock();
      if ((yield* context.read()) !== 0) {
        yield* pthreads.locals(1);
        assert((yield* context.read()) !== 0, 'io_context is NULL');
      }
      if (repaired) yield* lock.unlock();
    }
    function* exit(): Kernel<void> {
      yield* pthreads.locals(2);
      yield* lock.lock();
      yield* context.read();
      yield* context.write(0);
      yield* lock.unlock();
      yield* tasks.write((yield* tasks.read()) - 1);
    }
    return () => pthreads.all([get, exit], 0);
  },
};

const cve20169806: Skeleton = {
  name: 'ConVul-CVE-Benchmarks/CVE-2016-9806',
  title: 'each frees what the shared pointer holds, which may be what the other one has put there',
  bug: wrong(/freed twice/),
  threads: 2,
  main(pthreads, { word, words, spinLock }, repaired) {
    const mutex = spinLock('mutex');
    const [skb, count] = [word('cb->skb'), word('cnt', 1)];
    const freed = words('freed', 3);
    const dump = (own: number): Run =>
      function* () {
        // args, sk, thread_id, nlk.
        yield* pthreads.locals(9);
        yield* mutex.lock();
        yield* count.write(4 * (yield* count.read()));
        yield* pthreads.locals(6);
        yield* skb.write(own);
        yield* mutex.unlock();
        yield* pthreads.locals(1);
        const buffer = repaired ? own : yield* skb.read();
        const before = yield* (freed[buffer] as typeof count).exchange(1);
        assert(before === 0, `buffer ${buffer} is freed twice`);
      };
    return () => pthreads.all([dump(1), dump(2)], 0);
  },
};

const cve20176346: Skeleton = {
  name: 'ConVul-CVE-Benchmarks/CVE-2017-6346',
  title: 'two set the rollover of one socket, and both free what they find there',
  bug: wrong(/freed twice/),
  threads: 2,
  main(pthreads, { word, words, spinLock }, repaired) {
    const mutex = spinLock('fanout_mutex');
    const rollover = word('po->rollover');
    const freed = words('freed', 3);
    const add = (own: number): Run =>
      function* () {
        yield* pthreads.locals(8);
        yield* rollover.write(own);
        yield* rollover.read();
        yield* pthreads.locals(3);
        yield* mutex.lock();
        yield* mutex.unlock();
        yield* pthreads.locals(2);
        const pointer = repaired ? own : yield* rollover.read();
        const before = yield* (freed[pointer] as typeof rollover).exchange(1);
        assert(before === 0, `rollover ${pointer} is freed twice`);
      };
    return () => pthreads.all([add(1), add(2)], 0);
  },
};

const cve201715265: Skeleton = {
  name: 'ConVul-CVE-Benchmarks/CVE-2017-15265',
  title: 'a port is deleted before the one that has made it is done with it',
  bug: wrong(/port is freed/),
  threads: 2,
  main(pthreads, { word, spinLock }, repaired) {
    const [portsMutex, portsLock] = [spinLock('ports_mutex'), spinLock('ports_lock')];
    const [list, count] = [word('ports_list'), word('num_ports', 1)];
    const [freed, type] = [word('freed'), word('port->type')];
    function* setInfo(): Kernel<void> {
      assert((yield* freed.read()) === 0, 'the port is freed');
      yield* type.write(1);
    }
    function* create(): Kernel<void> {
      yield* pthreads.locals(6);
      yield* portsMutex.lock();
      yield* portsLock.lock();
      yield* list.read();
      yield* list.write(1);
      yield* count.write((yield* count.read()) + 1);
      yield* portsLock.unlock();
      if (repaired) yield* setInfo();
      yield* portsMutex.unlock();
      yield* pthreads.locals(3);
      if (!repaired) yield* setInfo();
    }
    function* remove(): Kernel<void> {
      yield* portsMutex.lock();
      yield* portsLock.lock();
      const found = yield* list.read();
      if (found !== 0) {
        yield* list.write(0);
        yield* count.write((yield* count.read()) - 1);
      }
      yield* portsLock.unlock();
      yield* portsMutex.unlock();
      if (found !== 0) yield* freed.write(1);
    }
    return () => pthreads.all([create, remove], 0);
  },
};

const stringbuffer: Skeleton = {
  name: 'CB/stringbuffer-jdk1.4',
  title: 'a buffer becomes shorter between the question how long it is and the copy',
  bug: wrong(/are copied from/),
  threads: 1,
  main(pthreads, { word, spinLock }, repaired) {
    const mutex = spinLock('buffer.mutex_lock');
    const count = word('buffer.count', 3);
    function* erase(): Kernel<void> {
      yield* pthreads.locals(4);
      yield* mutex.lock();
      yield* pthreads.locals(2);
      const old = yield* count.read();
      yield* pthreads.locals(4);
      yield* count.write(Math.max(0, old - 3));
      yield* mutex.unlock();
    }
    function* append(): Kernel<void> {
      yield* pthreads.locals(4);
      yield* mutex.lock();
      yield* pthreads.locals(4);
      yield* count.write((yield* count.read()) + 3);
      yield* mutex.unlock();
    }
    function* length(): Kernel<number> {
      yield* pthreads.locals(2);
      yield* mutex.lock();
      const value = yield* count.read();
      yield* mutex.unlock();
      yield* pthreads.locals(2);
      return value;
    }
    function* getChars(end: number): Kernel<void> {
      yield* pthreads.locals(6);
      if (!repaired) yield* mutex.lock();
      const has = yield* count.read();
      assert(end <= has, `${end} characters are copied from ${has}`);
      yield* mutex.unlock();
    }
    function* lengthKept(): Kernel<number> {
      yield* mutex.lock();
      return yield* count.read();
    }
    return function* () {
      yield* pthreads.create(function* () {
        yield* erase();
        yield* append();
      });
      // A buffer of main's own is made, and its lock taken.
      yield* pthreads.locals(10);
      const end = yield* repaired ? lengthKept() : length();
      yield* pthreads.locals(8);
      yield* getChars(end);
      yield* pthreads.join(0);
    };
  },
};

export const convul: readonly Skeleton[] = [
  stringbuffer,
  cve20093547,
  cve20112183,
  cve20131792,
  cve20157550,
  cve20161972,
  cve20161973,
  cve20167911,
  cve20169806,
  cve20176346,
  cve201715265,
];
