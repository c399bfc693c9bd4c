import { test } from 'tap';
import { collect } from '../../src/profile/collect.ts';
import { makeProfileBuffers } from '../../src/profile/layout.ts';
import type { LockName } from '../../src/profile/lock-names.ts';
import type { LockStat } from '../../src/profile/report.ts';
import { lockNames } from '../../src/profile/session.ts';
import { LOG_ROUND, type LockLog, makeLockLog } from '../support/lock-log-boot.ts';
import { BruteForce, entriesOf, rowName, type Totals } from '../support/lock-totals.ts';
import { startMachine } from '../support/real.ts';

const BOOT_MODULE = new URL('../support/lock-log-boot.js', import.meta.url).href;
const CPUS = 3;
const SEED = 11;
const ROUNDS: readonly string[] = [
  ...Array.from({ length: 24 }, (_, i) => `locks@${SEED}.${i}`),
  ...Array.from({ length: 10 }, (_, i) => `noflush-pushback@${SEED}.${i}`),
];

interface Run {
  readonly locks: readonly LockStat[];
  readonly log: LockLog;
  readonly names: readonly LockName[];
}

async function profiled(t: Parameters<typeof startMachine>[0], exact: boolean): Promise<Run> {
  const buffers = makeProfileBuffers(CPUS, { by: 'class', exact, trace: false, inject: null });
  const log = makeLockLog(buffers);
  const machine = await startMachine(t, CPUS, BOOT_MODULE, log);
  for (const [seed, scenario] of ROUNDS.entries()) {
    const variant = { preset: 'unified', bug: null };
    const boot = { scenario, cpus: CPUS, variant, lock: 'tas', oracles: false };
    const { finding } = await machine.run({ boot, cpus: CPUS, noise: 'light', seed, delay: null });
    if (finding !== null) throw new Error(finding.message);
  }
  return { locks: collect(buffers, lockNames(), 0).locks, log, names: lockNames() };
}

const logged = ({ log, names }: Run): BruteForce =>
  new BruteForce(
    log.entries.map((_, cpu) => entriesOf(log, cpu)),
    names,
  );

/** Locks with writers only; where there are readers, who was last is a matter of a moment. */
const exclusiveOnly = (lock: LockStat, locks: readonly LockStat[]): boolean =>
  !locks.some((each) => each.class === lock.class && each.type === lock.type && each.mode === 'read') &&
  lock.type !== 'semaphore';

/** The totals of a log that lacks an event of each CPU. */
function withoutOne({ log, names }: Run, place: number): Totals[] {
  const cpus = log.entries.map((_, cpu) => {
    const entries = entriesOf(log, cpu);
    const at = entries.findIndex(({ kind }, i) => kind !== LOG_ROUND && i > place * entries.length);
    return entries.filter((_, i) => i !== at);
  });
  return [...new BruteForce(cpus, names).rows.values()];
}

const timesOf = ({ timed, min, max, total }: LockStat['waitNs']): object => ({ timed, min, max, total });

test('with --exact the totals of every lock are those of a log of all lock events', async (t) => {
  const run = await profiled(t, true);
  const { rows } = logged(run);
  t.comment(`seed ${SEED}: ${rows.size} rows`);
  t.equal(run.locks.length, rows.size);
  const types = new Set(run.locks.map(({ type }) => type));
  for (const type of ['spinlock', 'rwlock', 'rw-semaphore', 'semaphore', 'mutex'] as const) t.ok(types.has(type), type);
  t.ok(
    run.locks.some(({ contentions }) => contentions > 0),
    'locks were waited for',
  );
  for (const lock of run.locks) {
    const name = rowName(lock, lock.mode === 'write');
    const expected = rows.get(name) as Totals;
    t.strictSame(
      {
        acquisitions: lock.acquisitions,
        contentions: lock.contentions,
        acqBounces: exclusiveOnly(lock, run.locks) ? lock.acqBounces : expected.acqBounces,
        wait: timesOf(lock.waitNs),
        hold: timesOf(lock.holdNs),
      },
      expected,
      name,
    );
    t.equal(
      lock.sites.reduce((sum, { contentions }) => sum + contentions, 0),
      lock.contentions,
      `${name}: each contention has its site`,
    );
    t.equal(
      lock.blame.reduce((sum, { waitNs }) => sum + waitNs, 0),
      lock.waitNs.total,
      `${name}: each wait is somebody's fault`,
    );
    t.ok(lock.conBounces <= lock.contentions && !lock.sampled);
  }
  const share = run.locks.reduce((sum, lock) => sum + lock.share, 0);
  t.ok(Math.abs(share - 1) < 1e-9, 'shares add up to all that was lost');
  for (const place of [0.2, 0.5, 0.8])
    t.notSame(withoutOne(run, place), [...rows.values()], 'one event less is noticed');
});

test('sampling changes no count and no wait', async (t) => {
  const run = await profiled(t, false);
  const { rows } = logged(run);
  t.equal(run.locks.length, rows.size);
  let timed = 0;
  let acquired = 0;
  for (const lock of run.locks) {
    const name = rowName(lock, lock.mode === 'write');
    const { acquisitions, contentions, wait } = rows.get(name) as Totals;
    const said = { acquisitions: lock.acquisitions, contentions: lock.contentions, wait: timesOf(lock.waitNs) };
    t.strictSame(said, { acquisitions, contentions, wait }, name);
    t.ok(lock.sampled && lock.holdNs.timed <= lock.acquisitions);
    timed += lock.holdNs.timed;
    acquired += lock.acquisitions;
  }
  t.ok(timed > 0 && timed < acquired / 8, `${timed} of ${acquired} holds were timed`);
});
