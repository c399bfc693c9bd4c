/**
 * The race detector: a lock that is missing is missed by what it guards; with all locks it is silent.
 *
 * Each lock of docs/LOCKING.md either has a program here that shows a race without it, or guards no plain word, as that page says.
 */
import { type Test, test } from 'tap';
import { BIO_RW_UNPLUG, Bio, bioPut, REQ_WRITE } from '../../src/block/bio.ts';
import { BlockDevice } from '../../src/block/block-device.ts';
import { hangDisk, releaseDisk } from '../../src/block/disk-faults.ts';
import { freezeBdev, mountBdev, thawBdev, umountBdev } from '../../src/block/file-system.ts';
import { bdget, bdput, Inode, lockInode, unlockInode } from '../../src/block/inode.ts';
import { getKblockd, putKblockd } from '../../src/block/kblockd.ts';
import { prepare } from '../../src/cli/boot.ts';
import { DmTable, dmTablePut } from '../../src/core/dm-table.ts';
import { dmTableEvent } from '../../src/core/event.ts';
import { dmTableLoad, doResume, doSuspend } from '../../src/core/ioctl.ts';
import { SUSPEND_PHASES } from '../../src/core/mapped-device.ts';
import { ModelMachine } from '../../src/explore/explore.ts';
import { Walk } from '../../src/explore/strategies/walk.ts';
import { raiseIrq, requestIrq } from '../../src/irq/interrupt.ts';
import { type Kernel, resolved } from '../../src/machine/kernel.ts';
import type { FindingReport, Program } from '../../src/machine/machine.ts';
import { ops } from '../../src/machine/operations.ts';
import type { Site } from '../../src/machine/site.ts';
import { findScenario } from '../../src/scenarios/registry.ts';
import { submitIo, type UserIo } from '../../src/scenarios/user-io.ts';
import { staticWords } from '../../src/shared/memory.ts';
import { type Mempool, mempoolAlloc, mempoolCreate } from '../../src/shared/mempool.ts';
import { declareMutex, mutexLock, mutexUnlock } from '../../src/shared/mutex.ts';
import { PlainWord } from '../../src/shared/plain-access.ts';
import { declareRwSemaphore, downWrite, upWrite } from '../../src/shared/rw-semaphore.ts';
import { declareSemaphore, down, up } from '../../src/shared/semaphore.ts';
import type { Sleepers } from '../../src/shared/sleepers.ts';
import { wordName } from '../../src/shared/struct-registry.ts';
import { defineHardwareHandler } from '../../src/targets/multipath/hardware-handler.ts';
import { getKmultipathd, putKmultipathd } from '../../src/targets/multipath/kmultipathd.ts';
import { Pgpath } from '../../src/targets/multipath/multipath.ts';
import { dmPgInitComplete } from '../../src/targets/multipath/pg-init.ts';
import { readText } from '../support/documents.ts';
import { type Body, bdevOf, endOf, runKernel, type World, write } from '../support/kernel.ts';
import { expectClean, expectFinding, onCpus, program, type Runnable } from '../support/model.ts';
import { declareMissing, WITHOUT_LOCK_WORDS, withoutLocks } from '../support/without-lock.ts';
import { pathsOf, rested, tell } from '../targets/multipath/support.ts';

const CPUS = 4;
const SEED = 1;
const RUNS = 60;
const STEP_LIMIT = 200_000;
const LINE = 5;

/** The first race in so many runs of a scenario without a lock. With all locks: the first finding. */
function inScenario(name: string, preset: string, missing: readonly string[]): FindingReport | null {
  const scenario = findScenario(name, CPUS);
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
  // Oracles would speak first of what a list has become.
  const oracles = missing.length === 0;
  const order = {
    scenario: name,
    cpus: CPUS,
    variant: { preset, bug: null },
    lock: 'tas',
    oracles,
    lockdep: false,
  };
  const bootable = prepare(order);
  withoutLocks(missing);
  const build = (): Program => {
    const program = bootable.build();
    declareMissing();
    return program;
  };
  const machine = new ModelMachine(build, new Walk(SEED), {
    ...bootable,
    staticWords: bootable.staticWords + WITHOUT_LOCK_WORDS,
    settings: { cpus: scenario.cpus, lock: 'tas', oracles },
    stepLimit: STEP_LIMIT,
    races: true,
  });
  for (let run = 0; run < RUNS; run++) {
    const { finding } = machine.run(run);
    if (finding !== null && (oracles || finding.kind === 'race')) return finding;
  }
  return null;
}

/** Where a lock is missed. */
interface Guarded {
  /** With what must be missing too, because whoever takes the one has the other. */
  readonly locks: readonly string[];
  /** The word that it guards there. */
  readonly word: string;
  find(missing: readonly string[]): FindingReport | null;
  findClean(): FindingReport | null;
}

/** What is found with all locks: once for each program. */
const clean = new Map<unknown, FindingReport | null>();
function once(key: unknown, find: () => FindingReport | null): FindingReport | null {
  if (!clean.has(key)) clean.set(key, find());
  return clean.get(key) ?? null;
}

const scenario = (locks: string, name: string, word: string, preset = 'unified'): Guarded => ({
  locks: locks.split(' '),
  word,
  find: (missing) => inScenario(name, preset, missing),
  findClean: () => once(`${name} ${preset}`, () => inScenario(name, preset, [])),
});

const body = (locks: string, word: string, run: Body, slots: Readonly<Record<string, number>> = {}): Guarded => ({
  locks: locks.split(' '),
  word,
  find: (missing) =>
    runKernel(run, { runs: 4 * RUNS, cpus: 4, oracles: missing.length === 0, lockdep: false, slots, missing }).finding,
  findClean: () => once(run, () => runKernel(run, { runs: RUNS, cpus: 4, lockdep: false, slots, missing: [] }).finding),
});

/** The same on CPUs 1 to 3 at a time. */
function* together(world: World, run: (cpu: number) => Kernel<void>): Kernel<void> {
  const started = [1, 2, 3].map((cpu) => world.start(cpu, () => run(cpu)));
  for (const { join } of started) yield* join();
}

const users: Body = function* users(world): Kernel<void> {
  yield* together(world, function* user(): Kernel<void> {
    if (yield* getKmultipathd()) yield* putKmultipathd();
  });
};

const queues: Body = function* queues(world): Kernel<void> {
  yield* together(world, function* user(): Kernel<void> {
    yield* getKblockd();
    yield* putKblockd();
  });
};

const inodes: Body = function* inodes(world): Kernel<void> {
  const md = yield* world.device(`0 4 zero`);
  yield* together(world, function* holder(): Kernel<void> {
    const inode = yield* bdget(BlockDevice.at(md.bdev));
    if (inode !== null) yield* bdput(inode);
  });
};

/** A mount, a freeze, a thaw and an unmount, of whom two meet. */
const mounts: Body = function* mounts(world): Kernel<void> {
  yield* world.disk();
  const sb = yield* mountBdev('disk0');
  if (typeof sb === 'number') return;
  const inode = yield* bdget(BlockDevice.at(Inode.at(sb.inode).bdev));
  if (inode === null) return;
  const unmount = world.start(1, () => umountBdev(sb));
  const freeze = world.start(2, function* freezes(): Kernel<void> {
    const frozen = yield* freezeBdev(inode);
    if (frozen >= 0) yield* thawBdev(inode, frozen);
  });
  yield* unmount.join();
  yield* freeze.join();
  yield* bdput(inode);
};

/** An event of a table, while another table is swapped in. */
const events: Body = function* events(world): Kernel<void> {
  const md = yield* world.device('0 4 zero');
  const table = DmTable.at(md.map);
  yield* table.holders.get(HERE);
  const event = world.start(1, function* tells(): Kernel<void> {
    yield* dmTableEvent(table);
    yield* dmTablePut(table);
  });
  yield* doSuspend(md, 0);
  yield* dmTableLoad(md, '0 4 error');
  yield* doResume(md, 0);
  yield* event.join();
};

const delays: Body = function* delays(world): Kernel<void> {
  yield* world.disk();
  const md = yield* world.device('0 8 delay disk0 0 2');
  yield* together(world, function* user(cpu): Kernel<void> {
    yield* endOf(yield* write(md, cpu));
  });
};

/** Users of a pool with one element, when there is no other memory. */
const pools: Body = function* pools(world): Kernel<void> {
  const pool = mempoolCreate(Bio, 1) as Mempool;
  yield* together(world, function* user(): Kernel<void> {
    yield* bioPut(yield* mempoolAlloc(Bio, pool, HERE), HERE);
  });
};

/** Who has I_LOCK, and those who wait for it. */
const inodeLocks: Body = function* inodeLocks(world): Kernel<void> {
  const md = yield* world.device('0 4 zero');
  const inode = yield* bdget(BlockDevice.at(md.bdev));
  if (inode === null) return;
  yield* together(world, function* locker(): Kernel<void> {
    yield* lockInode(inode);
    yield* unlockInode(inode);
  });
  yield* bdput(inode);
};

/** Slots for disks with request queues. */
const requestSlots = { request: 40, 'request-queue': 3, 'request-disk': 2 };

/** Two who want a request of a pool that has none left. Until they wait they only read what queue_lock guards. */
const requests: Body = function* requests(world): Kernel<void> {
  const disk = yield* world.requestDisk({ mode: 'hardirqDirect', nrRequests: 1 });
  const put = (sector: number): Kernel<UserIo> =>
    submitIo(bdevOf(disk), { sector, size: 1, flags: REQ_WRITE | BIO_RW_UNPLUG, stamp: 1 });
  yield* hangDisk(disk);
  const first = yield* put(0);
  const others = [1, 2].map((cpu) =>
    world.start(cpu, function* user(): Kernel<void> {
      yield* endOf(yield* put(2 * cpu));
    }),
  );
  yield* releaseDisk(disk);
  yield* endOf(first);
  for (const { join } of others) yield* join();
};

/** The path of an activation that ends when the program says so. */
let waiting = 0;
defineHardwareHandler({
  name: 'waiting',
  create: () => 1,
  destroy: () => {},
  pgInit(_context, pgpath): Kernel<void> {
    waiting = pgpath.handle;
    return resolved(undefined);
  },
  tableText: () => '',
});

/** A suspend that waits for an activation that no I/O waits for any more, while it ends. */
const activation: Body = function* activation(world): Kernel<void> {
  const { md } = yield* pathsOf(world, '0 1 waiting 1 1 round-robin 0 1 0 disk0');
  const io = yield* write(md, 0);
  yield* rested();
  yield* tell(md, 'fail_path disk0');
  yield* tell(md, 'fail_if_no_path');
  yield* endOf(io);
  const suspender = world.start(1, function* suspends(): Kernel<void> {
    yield* doSuspend(md, 0);
  });
  while (SUSPEND_PHASES[md.phase.value] !== 'finish') yield* ops.relax(HERE);
  yield* dmPgInitComplete(Pgpath.at(waiting), 0);
  yield* suspender.join();
};

const GUARDED: readonly Guarded[] = [
  scenario('&_hash_lock', 'resume-in-suspend', 'mapped-device.newMap'),
  scenario('&md->suspend_lock', 'admins', 'mapped-device.frozenSb'),
  scenario('&inode->bd_fsfreeze_mutex', 'freeze@1.0', 'inode.fsfreezeCount'),
  body('&module_mutex', 'word ', users),
  body('&kblockd_mutex', 'word ', queues),
  body('&_event_lock', 'dm-table.eventsBound', events),
  scenario('&_minor_lock', 'suspend@1.0', 'block-device.openCount'),
  body('&sb_lock', '', mounts),
  body('&inode_lock', 'inode.count', inodes),
  scenario('&q->queue_lock', 'rq-flush-errors', 'request-queue.'),
  scenario('&md->barrier_error_lock', 'rq-flush-answers', 'mapped-device.barrierError'),
  scenario('&inode->tree_lock', 'frozen-writer', 'inode.dirty'),
  scenario('&md->map_lock', 'path-failover@1.1', 'mapped-device.map'),
  scenario('&m->lock', 'noflush-held', ''),
  scenario('&m->lock', 'mpath-noflush', 'multipath.'),
  body('&dc->lock', 'delay.', delays),
  scenario('&md->pushback_lock', 'noflush-two', 'mapped-device.pushback'),
  scenario('&md->deferred_lock &md->io_lock', 'noflush-two', 'mapped-device.deferred'),
  // Where only one of the two guards it.
  scenario('&md->deferred_lock', 'noflush-two', 'mapped-device.deferred', '2.6.33'),
  scenario('&md->io_lock', 'noflush-two', 'mapped-device.deferred', '2.6.20'),
  scenario('&wq->lock', 'suspend@1.0', 'workqueue.'),
  scenario('&io->endio_lock', 'noflush-split', 'dm-io.error', '2.6.20'),
  body('&q->rq_wait &q->queue_lock', '&q->rq_wait', requests, requestSlots),
  body('&pool->lock', 'mempool.currNr', pools, { bio: 1 }),
  scenario('&md->wait', 'suspend@1.0', ''),
  scenario('&md->barrier_part', 'barrier@1.2', ''),
  scenario('&md->eventq', 'admins', ''),
  body('&m->pg_init_wait', '', activation),
  body('&pool->wait', '', pools, { bio: 1 }),
  body('&inode_wait', '', inodeLocks),
  scenario('&page_wait', 'admins', ''),
  scenario('&sb->s_wait_unfrozen', 'admins', ''),
  scenario('&wq->more_work', 'suspend@1.0', 'wait-entry.'),
  scenario('&wq->flushed', 'suspend@1.0', 'wait-entry.'),
  scenario('&wq->stopped', 'interrupted-suspend@1.0', ''),
  scenario('&tasklist_lock', 'interrupted-noflush', ''),
  scenario('&io->done', 'noflush', ''),
];

for (const { locks, word, find, findClean } of GUARDED)
  test(`without ${locks.join(' and ')} there is a race on ${word === '' ? 'what it guards' : word}, with both places`, async (t: Test) => {
    const finding = find(locks);
    t.comment(finding?.message ?? 'nothing');
    t.equal(finding?.kind, 'race');
    t.ok(finding?.message.includes(`race on ${word}`));
    const places = finding?.message.match(/it in [\w.$#]+ \([\w/.-]+\.ts:\d+\)/g) ?? [];
    t.equal(places.length, 2, places.join(' and '));
    t.equal(findClean(), null, 'and none with it');
  });

/** A task adds to a plain word, with interrupts off or not, and so does the handler of an interrupt of its CPU. */
const handled = (off: boolean): Runnable =>
  program(() => {
    const word = new PlainWord(staticWords(1));
    const other = staticWords(1);
    requestIrq(LINE, 'test', function* handler(): Kernel<void> {
      yield* ops.load(other, HERE);
      word.value++;
    });
    return {
      actors: onCpus(
        function* task(): Kernel<void> {
          yield* ops.load(other, HERE);
          const saved = off ? yield* ops.irqOff(HERE) : 0;
          word.value++;
          yield* ops.load(other, HERE);
          if (off) yield* ops.irqOn(saved, HERE);
        },
        function* (): Kernel<void> {
          yield* raiseIrq(0, LINE, HERE);
        },
      ),
    };
  }, 2);

test('a handler is a thread of its own: what a task of its CPU touches too is a race, but with interrupts off', async (t) => {
  const first = (off: boolean): FindingReport | null => {
    const { build, cpus, staticWords: words } = handled(off);
    const settings = { cpus, lock: 'tas', oracles: false } as const;
    const options = { settings, slots: {}, staticWords: words, stepLimit: STEP_LIMIT, races: true };
    const machine = new ModelMachine(build, new Walk(SEED), options);
    for (let run = 0; run < 4 * RUNS; run++) {
      const { finding } = machine.run(run);
      if (finding !== null) return finding;
    }
    return null;
  };
  expectFinding(
    t,
    { finding: first(false) },
    {
      kind: 'race',
      message:
        /^race on word (?=.*actor0 \w+ it in (?:\w+\.)?task \(test\/explore\/)(?=.*irq test on CPU 0 \w+ it in (?:\w+\.)?handler \(test\/explore\/)/,
    },
  );
  expectClean(t, { finding: first(true) });
});

/** A lock that sleeps, and its users. */
interface Slept {
  readonly sleepers: Sleepers;
  setup?(): Kernel<void>;
  /** Takes the lock and gives it back. */
  use(): Kernel<void>;
}

type OnLock<L> = (lock: L, site: Site) => Kernel<void>;

const slept = <L extends { readonly sleepers: Sleepers }>(lock: L, take: OnLock<L>, giveBack: OnLock<L>): Slept => ({
  sleepers: lock.sleepers,
  *use() {
    yield* take(lock, HERE);
    yield* giveBack(lock, HERE);
  },
});

const sleptMutex = (): Slept => slept(declareMutex('&slept'), mutexLock, mutexUnlock);
const sleptRwSemaphore = (): Slept => slept(declareRwSemaphore('&slept'), downWrite, upWrite);
const sleptSemaphore = (): Slept => {
  const sem = declareSemaphore('&slept');
  return { ...slept(sem, down, up), setup: () => up(sem, HERE) };
};

/** The first finding among users of a lock that sleeps, with its wait_lock or without. */
function amongSleepers(declare: () => Slept, missing: boolean): FindingReport | null {
  const runnable = program(() => {
    // Views that were made before could not lead elsewhere.
    withoutLocks([]);
    const { sleepers, setup, use } = declare();
    withoutLocks(missing ? [wordName(sleepers.waitLock.word)] : []);
    declareMissing();
    return { ...(setup === undefined ? {} : { setup }), actors: onCpus(use, use, use) };
  });
  const machine = new ModelMachine(runnable.build, new Walk(SEED), {
    settings: { cpus: runnable.cpus, lock: 'tas', oracles: false },
    slots: {},
    staticWords: runnable.staticWords + WITHOUT_LOCK_WORDS,
    stepLimit: STEP_LIMIT,
    races: true,
  });
  for (let run = 0; run < RUNS; run++) {
    const { finding } = machine.run(run);
    if (finding !== null) return finding;
  }
  return null;
}

for (const [declare, kind, ...functions] of [
  [sleptMutex, 'mutex', 'mutexUnlock', 'mutexLock'],
  [sleptRwSemaphore, 'rw-semaphore', 'wakeWaiters', 'wakeWaiters'],
  [sleptSemaphore, 'semaphore', 'down', 'up'],
] as const)
  test(`without its wait_lock there is a race on the sleepers of a ${kind}, with both places`, async (t) => {
    const finding = amongSleepers(declare, true);
    t.comment(finding?.message ?? 'nothing');
    t.equal(finding?.kind, 'race');
    const file = `\\(shared/${kind}\\.ts:(\\d+)\\)`;
    const [first, second] = functions;
    const report = `^race on &slept\\.wait_list: \\w+ \\w+ it in ${first} ${file}, \\w+ \\w+ it in ${second} ${file}, and nothing`;
    const lines = finding?.message.match(report)?.slice(1) ?? [];
    t.equal(new Set(lines).size, 2, `lines ${lines.join(' and ')}`);
    t.equal(amongSleepers(declare, false), null, 'and none with it');
  });

test('the list of those who wait for a request has two locks: each alone guards it', async (t) => {
  for (const lock of ['&q->rq_wait', '&q->queue_lock']) {
    const options = { runs: 4 * RUNS, cpus: 4, oracles: false, lockdep: false, slots: requestSlots, missing: [lock] };
    const finding = runKernel(requests, options).finding;
    t.notMatch(finding?.message, /race on &q->rq_wait/, finding?.message ?? `nothing without ${lock}`);
    t.equal(finding === null, lock === '&q->rq_wait');
  }
});

test('each lock is missed by a program here, or guards no plain word, as its page says', async (t) => {
  const page = readText('docs/LOCKING.md');
  const locks = [...page.matchAll(/^\| `(&[^`]+)` \|/gm)].map((match) => match[1] as string);
  const section = /## Locks that guard no plain word\n([\s\S]*?)\n## /.exec(page)?.[1] ?? '';
  const excused = [...section.matchAll(/^\* `(&[^`]+)`/gm)].map((match) => match[1] as string);
  t.ok(locks.length > 25 && excused.length > 0);
  t.strictSame([...new Set([...GUARDED.flatMap(({ locks }) => locks), ...excused])].sort(), [...new Set(locks)].sort());
});

test('the same race is found again, with the same words', async (t) => {
  const [first, second] = [0, 1].map(() => inScenario('noflush-two', 'unified', ['&md->pushback_lock'])?.message);
  t.type(first, 'string');
  t.equal(first, second);
});
