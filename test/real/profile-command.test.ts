import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { test } from 'tap';
import type { ProfileReport } from '../../src/profile/report.ts';
import type { TraceEvent, TraceFile } from '../../src/profile/trace-event.ts';
import { runCli, startCli } from '../support/cli.ts';
import { traceComplaints } from '../support/trace-rules.ts';

interface ProfileJson extends Omit<ProfileReport, 'timeline'> {
  readonly command: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly ok: boolean;
}

const require = createRequire(import.meta.url);
const readJson = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));
const speedscopeSchema = readJson(
  join(require.resolve('speedscope/package.json'), '../dist/release/file-format-schema.json'),
) as object;

test('one run gives the document, a trace that viewers take, and wait times that speedscope takes', async (t) => {
  const dir = t.testdir();
  const args = ['profile', 'noflush-pushback', '--seconds', '2', '--seed', '3', '--exact', '--json'];
  const files = ['--trace', 'trace.json', '--speedscope', 'waits.json'];
  const result = await runCli([...args, ...files], dir);
  t.equal(result.code, 0, result.stderr);
  const json = JSON.parse(result.stdout) as ProfileJson;
  t.match(json, { command: 'profile', ok: true, exact: true, by: 'class', injection: null });
  t.match(json.settings, { name: 'noflush-pushback', seed: 3, cpus: availableParallelism() });
  const lock = json.locks[0];
  const keys = 'class mode conBounces contentions waitNs acqBounces acquisitions holdNs sampled sites blame'.split(' ');
  t.strictSame(
    keys.filter((key) => !(key in (lock ?? {}))),
    [],
  );
  for (const times of ['waitNs', 'holdNs'] as const)
    t.strictSame(
      'min max total avg p50 p90 p99'.split(' ').filter((key) => !(key in (lock?.[times] ?? {}))),
      [],
    );
  t.strictSame(Object.keys(lock?.sites[0] ?? {}), ['site', 'contentions', 'waitNs']);
  t.match(lock?.blame[0], { waiter: String, holder: String, count: Number });
  t.ok(json.locks.some(({ class: name, mode }) => name === '&md->io_lock' && mode === 'read'));
  t.ok(json.irqsOff.stretches > 0 && !json.irqsOff.sampled && json.irqsOff.longestSite !== '');
  t.ok(json.throughput.rounds > 0 && json.throughput.roundsPerSecond > 0);

  const trace = readJson(join(dir, 'trace.json')) as TraceFile;
  t.strictSame(traceComplaints(trace).slice(0, 5), []);
  const has = (what: Partial<TraceEvent>): boolean =>
    trace.traceEvents.some((event) => Object.entries(what).every(([key, value]) => event[key as 'ph'] === value));
  for (const cat of ['task', 'hardirq', 'softirq', 'suspend'] as const) t.ok(has({ ph: 'X', cat }), cat);
  for (const name of ['holds &md->deferred_lock', 'holds &md->io_lock']) t.ok(has({ ph: 'b', name }), name);
  t.ok(has({ cat: 'wait' }), 'waits');
  for (const name of ['pending', 'deferred', 'pushback']) t.ok(has({ ph: 'C', name: `device 0: ${name}` }), name);
  for (const ph of ['s', 't', 'f'] as const) t.ok(has({ ph, cat: 'bio' }), `arrows: ${ph}`);

  const isSpeedscope = new Ajv({ strict: false }).compile(speedscopeSchema);
  const waits = readJson(join(dir, 'waits.json')) as { profiles: { weights: number[]; samples: number[][] }[] };
  t.ok(isSpeedscope(waits), JSON.stringify(isSpeedscope.errors));
  const waited = waits.profiles[0]?.weights.reduce((sum, ns) => sum + ns, 0);
  t.equal(
    waited,
    json.locks.reduce((sum, { waitNs }) => sum + waitNs.total, 0),
    'all waits are in the file',
  );
  t.notOk(isSpeedscope({ ...waits, profiles: [{ ...waits.profiles[0], unit: 'jiffies' }] }));
});

test('a trace that breaks a rule of the format is noticed', async (t) => {
  const slice = (ts: number, dur: number): TraceEvent => ({ ph: 'X', name: 'a', cat: 'task', pid: 1, tid: 1, ts, dur });
  const thread = { name: 'a', pid: 1, tid: 1 };
  const point = (ph: 's' | 'f', ts: number): TraceEvent => ({
    ...thread,
    ph,
    ts,
    cat: 'bio',
    id: '1',
    ...(ph === 'f' ? { bp: 'e' } : {}),
  });
  const side = (ph: 'b' | 'e', ts: number): TraceEvent => ({ ...thread, ph, ts, cat: 'hold', id: '1' });
  const named = (name: string, tid: number): TraceEvent => ({
    ph: 'M',
    name,
    pid: 1,
    tid,
    ts: 0,
    args: { name: 'CPU 0' },
  });
  const names = [named('process_name', 0), named('thread_name', 1)];
  const complaints = (...events: TraceEvent[]): number =>
    traceComplaints({ displayTimeUnit: 'ns', otherData: {}, traceEvents: [...names, ...events] }).length;
  t.equal(complaints(slice(0, 10), slice(2, 3), point('s', 2), point('f', 9)), 0);
  t.equal(complaints(side('b', 1), side('e', 2)), 0);
  t.equal(complaints(slice(0, 10), slice(5, 10)), 2, 'slices that cross, for all viewers');
  t.equal(complaints(slice(0, 10), point('f', 2)), 1, 'an arrow without a beginning');
  t.equal(complaints(slice(0, 10), point('s', 2), point('f', 20)), 1, 'an arrow that ends nowhere');
  t.equal(complaints(slice(0.1, 0.2), slice(0.3, 1)), 1, 'also if only by the last bit');
  t.equal(complaints(slice(10 / 1024, 50 / 1024), slice(20 / 1024, 40 / 1024)), 1, 'also if only for Perfetto');
  t.equal(complaints(side('b', 1)), 1, 'what begins and does not end');
  t.equal(complaints(side('e', 1), side('b', 2)), 1, 'what ends before it begins');
  t.equal(complaints({ ...slice(0, 1), pid: 7 }), 2, 'a process and a thread without a name');
  t.equal(complaints(named('thread_name', 1), slice(0, 1)), 1, 'two names');
  t.equal(complaints(slice(5, 1), slice(0, 1)), 1, 'one that comes late');
  t.equal(complaints({ ...slice(0, 1), dur: -1 }), 1, 'a negative duration');
  t.equal(complaints({ ...slice(0, 1), colour: 'red' } as TraceEvent), 1, 'what the format does not know');
  const { dur, ...endless } = slice(0, 1);
  t.equal(complaints(endless), 1, 'a slice without a duration');
});

test('holders of the lock that --inject names take longer, in every second round', async (t) => {
  const args = ['profile', 'suspend', '--seconds', '2', '--seed', '4', '--exact', '--inject', '300us@suspend_lock'];
  const result = await runCli([...args, '--json'], t.testdir());
  t.equal(result.code, 0, result.stderr);
  const { injection, locks } = JSON.parse(result.stdout) as ProfileJson;
  const lock = locks.find(({ class: name }) => name === '&md->suspend_lock');
  t.equal(injection?.lock, '&md->suspend_lock');
  t.equal(injection?.delayed, lock?.acquisitions, 'each of its holders was delayed');
  t.ok((lock?.holdNs.min ?? 0) >= 300_000, 'and held it at least so long');
  const others = locks.filter(({ class: name }) => name === '&md->deferred_lock' || name === '&wq->lock');
  t.ok(others.length > 0 && others.every(({ holdNs }) => holdNs.min < 300_000), 'no other was');
  t.equal(injection?.with.rounds, injection?.without.rounds);
  t.ok((injection?.ratio ?? 0) > 0);
});

/** A round that takes one spinlock some hundred times and is over in milliseconds otherwise. */
const TAKES_ONE = ['profile', 'locks@5.2', '--cpus', '2', '--seed', '4', '--exact'];

test('throughput falls to less than half when holders of a lock that is taken in a loop are delayed', async (t) => {
  const args = [...TAKES_ONE, '--seconds', '1.5', '--inject', '200us@torture->spin-lock-irqsave'];
  const result = await runCli([...args, '--json'], t.testdir());
  t.equal(result.code, 0, result.stderr);
  const { injection, locks } = JSON.parse(result.stdout) as ProfileJson;
  const { with: slow, without, delayed = 0, ratio = 1 } = injection ?? {};
  t.ok(delayed > 300 * (slow?.rounds ?? 0), `${delayed} holders were delayed`);
  t.ok((slow?.roundsPerSecond ?? 1) < (without?.roundsPerSecond ?? 0) / 2, `from ${without?.roundsPerSecond} rounds/s`);
  t.ok((ratio ?? 1) < 0.5, `throughput went to ${ratio}`);
  const holdMin = (name: string): number => locks.find((lock) => lock.class === name)?.holdNs.min ?? 0;
  t.ok(holdMin('&torture->spin-lock-irqsave') >= 200_000, 'each of its holders held it for so long');
  t.ok(holdMin('&torture->timer') > 0 && holdMin('&torture->timer') < 200_000, 'no holder of another did');
});

test('a lock that nobody takes delays nobody, which is said', async (t) => {
  const args = [...TAKES_ONE, '--seconds', '0.2', '--inject', '100ms@dc->lock'];
  const result = await runCli(args, t.testdir());
  t.equal(result.code, 0, result.stderr);
  t.match(result.stdout, /\nno holder was delayed: nobody took &?dc->lock\./);
  t.notMatch(result.stdout, 'throughput went to');
  t.match(result.stdout, /&torture->spin-lock-irqsave +\d/);
});

test('what the profiler changes is taken from rounds that it does not hear', async (t) => {
  const taken = async (seconds: string) => {
    const result = await runCli([...TAKES_ONE, '--seconds', seconds, '--json'], t.testdir());
    t.equal(result.code, 0, result.stderr);
    const { locks, throughput, cost } = JSON.parse(result.stdout) as ProfileJson;
    const lock = locks.find((each) => each.class === '&torture->spin-lock-irqsave');
    return { rounds: throughput.rounds, acquisitions: lock?.acquisitions ?? 0, cost };
  };
  const one = await taken('0.001');
  t.match(one, { rounds: 1, cost: null });
  const { rounds, acquisitions, cost } = await taken('1.5');
  t.ok(one.acquisitions > 100 && acquisitions === rounds * one.acquisitions, `${acquisitions} in ${rounds} rounds`);
  const { with: heard, without, ratio = 0, contentions } = cost ?? {};
  t.equal(heard?.rounds, Math.floor(rounds / 4), 'one round in four');
  t.equal(without?.rounds, heard?.rounds);
  t.ok(Math.abs(ratio * (without?.roundsPerSecond ?? 0) - (heard?.roundsPerSecond ?? 0)) < 1, `${ratio} is left`);
  t.ok((contentions?.with ?? 0) > 0 && (contentions?.without ?? 0) > 0, 'the lock was waited for either way');
});

test('by instance holders of each instance take longer', async (t) => {
  const args = ['profile', 'suspend', '--seconds', '0.5', '--seed', '4', '--by', 'instance'];
  const result = await runCli([...args, '--inject', '300us@suspend_lock', '--json'], t.testdir());
  t.equal(result.code, 0, result.stderr);
  const { injection, locks } = JSON.parse(result.stdout) as ProfileJson;
  const instances = locks.filter(({ class: name }) => name === '&md->suspend_lock');
  const acquisitions = instances.reduce((sum, lock) => sum + lock.acquisitions, 0);
  t.ok(acquisitions > 0);
  t.equal(injection?.delayed, acquisitions);
});

test('rows are about classes, instances, sites or owners, and what was waited stands in the row of who waited', async (t) => {
  const args = ['profile', 'locks@5.2', '--seconds', '0.1', '--seed', '5', '--cpus', '2', '--json', '--by'];
  type Row = ProfileReport['locks'][number];
  const waiters: Readonly<Record<string, (row: Row) => string[]>> = {
    site: ({ sites }) => sites.map(({ site }) => site),
    owner: ({ blame }) => blame.map(({ waiter }) => waiter),
  };
  const ofRows = async (by: string): Promise<string[]> => {
    const result = await runCli([...args, by], t.testdir());
    t.equal(result.code, 0, result.stderr);
    const { locks } = JSON.parse(result.stdout) as ProfileJson;
    t.ok(locks.length > 0);
    for (const row of locks) {
      t.equal(
        row.blame.reduce((sum, { count }) => sum + count, 0),
        row.contentions,
      );
      t.strictSame([...new Set(waiters[by]?.(row))], row.contentions > 0 && by in waiters ? [row.of] : []);
    }
    return locks.map(({ of }) => of);
  };
  t.ok((await ofRows('class')).every((of) => of === ''));
  t.ok((await ofRows('instance')).every((of) => /^#\d+$/.test(of)));
  t.ok((await ofRows('site')).every((of) => /^\w+ \(\S+:\d+\)$/.test(of)));
  t.ok((await ofRows('owner')).some((of) => /^(writer|reader)\d+$/.test(of)));
});

test('a run for people has the columns of /proc/lock_stat, and its verdict in the last line', async (t) => {
  const cpus = availableParallelism() + 1;
  const args = ['profile', 'suspend', '--seconds', '0.5', '--seed', '6', '--cpus', String(cpus)];
  const result = await runCli(args, t.testdir());
  t.equal(result.code, 0, result.stderr);
  t.match(result.stderr, new RegExp(`warning: ${cpus} CPUs share ${cpus - 1} cores`));
  const lines = result.stdout.trimEnd().split('\n');
  t.match(lines[0], /^profile: name=suspend cpus=\d+ seconds=0.5 seed=6/);
  const columns =
    'class name +con-bounces +contentions +waittime-min +waittime-max +waittime-total +waittime-avg +acq-bounces ' +
    '+acquisitions +holdtime-min +holdtime-max +holdtime-total +holdtime-avg';
  t.ok(lines.some((line) => new RegExp(`^${columns}$`).test(line)));
  t.ok(lines.some((line) => /^&md->io_lock-R +\d+ +\d+( +\d+\.\d\d){4} +\d+ +\d+( +~\d+\.\d\d){4}$/.test(line)));
  t.match(result.stdout, /interrupts off: \d+ of \d+ timed, .* longest \S+ us in .* on CPU \d/);
  t.equal(lines.at(-1), 'End of profile: SUCCESS');
});

test('Ctrl-C gives the report so far', async (t) => {
  const cli = startCli(['profile', 'suspend', '--seconds', '600', '--seed', '7'], t.testdir());
  await cli.printed('profile: ');
  // Locks are counted from the first round on; how many rounds there were by now does not matter.
  cli.process.kill('SIGINT');
  const result = await cli.ended;
  t.equal(result.code, 130, result.stderr);
  t.match(result.stdout, /class name/);
  t.match(result.stdout, /\nEnd of profile: INTERRUPTED\n$/);
});

test('what cannot be done is said in one sentence before anything starts', async (t) => {
  const mistakes: readonly [string, RegExp][] = [
    ['', /missing required argument 'name'/],
    ['nowhere', /There is no scenario or suite 'nowhere'; there are locks, suspend/],
    ['suspend --by colour', /Allowed choices are class, instance, site, owner/],
    ['suspend --inject io_lock', /It must be a time and a lock, such as 100us@io_lock/],
    ['suspend --inject 2000ms@io_lock', /The delay must be 1ns to 100ms/],
    ['suspend --seconds 0.1 --inject 1us@my_lock', /suspend has no lock 'my_lock'; it has _event_lock/],
    ['suspend --seconds 0.1 --inject 1us@lock', /suspend has several locks 'lock'; name one of dc->lock, m->lock/],
    ['suspend --cpus 17', /It must be 1 to 16 CPUs/],
    ['interrupted-noflush --cpus 1', /--cpus 1 is too few: interrupted-noflush runs on \d CPUs/],
    ['suspend --trace a.json --html ./a.json', /--trace and --html are both to be written to '.\/a.json'/],
    ['suspend --trace no/such/folder/trace.json', /'no\/such\/folder\/trace.json' cannot be written to \(ENOENT\)/],
  ];
  for (const [words, sentence] of mistakes) {
    const args = ['profile', ...words.split(' ').filter((word) => word !== '')];
    const { code, stdout, stderr } = await runCli(args, t.testdir());
    t.equal(code, 2, words);
    t.equal(stdout, '', words);
    t.match(stderr, sentence);
    t.equal(stderr.trimEnd().split('\n').length, 1, stderr);
  }
});
