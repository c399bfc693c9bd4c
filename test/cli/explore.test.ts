import { test } from 'tap';
import { exploreJson } from '../../src/cli/explore-result.ts';
import { SLICE_RUNS } from '../../src/explore/portfolio.ts';
import { scenarios } from '../../src/scenarios/registry.ts';
import { runCli, startCli } from '../support/cli.ts';
import { expectReplay } from '../support/replay.ts';

interface ExploreJson {
  readonly executions: number;
  readonly traceHash: string;
  readonly outcomes: Record<string, number>;
  readonly counts: Record<string, number>;
  readonly passedOver: Record<string, number>;
  readonly findings: readonly {
    kind: string;
    invariant: string;
    scenario: string;
    executionsToFind: number;
    places: unknown[];
  }[];
  /** Of several. */
  readonly scenarios?: readonly { readonly scenario: string; readonly executions: number }[];
  readonly coverage: Record<
    string,
    { readonly seen: number; readonly next: number; readonly low: number; readonly high: number }
  >;
  readonly exhaustive: string | null;
  readonly executionsPerSecond: number;
  readonly stepsPerSecond: number;
  readonly settings: Record<string, unknown>;
  readonly ok: boolean;
}

async function explore(args: readonly string[]): Promise<{ code: number | null; json: ExploreJson }> {
  const jobs = args.includes('--jobs') ? [] : ['--jobs', '1'];
  const result = await runCli(['explore', ...args, ...jobs, '--json'], process.cwd());
  return { code: result.code, json: JSON.parse(result.stdout) as ExploreJson };
}

test('the same seed gives the same trace hash, another seed another one', async (t) => {
  const args = (seed: number): string[] => ['interrupted-noflush', '--executions', '300', '--seed', String(seed)];
  const first = await explore(args(7));
  const again = await explore(args(7));
  const other = await explore(args(8));
  t.equal(first.code, 0);
  t.equal(first.json.executions, 300);
  t.equal(first.json.traceHash, again.json.traceHash);
  t.not(first.json.traceHash, other.json.traceHash);
  t.ok(first.json.outcomes['bio 0, suspend 0']);
});

test('any number of threads gives the same result', async (t) => {
  // Long enough for other threads to have their machines before it ends.
  const args = ['interrupted-noflush', '--executions', '8000', '--seed', '3'];
  const [one, two] = [await explore([...args, '--jobs', '1']), await explore([...args, '--jobs', '2'])];
  const told = ({ json }: typeof one): object => {
    const { executionsPerSecond, stepsPerSecond, settings, ...rest } = json;
    return rest;
  };
  t.strictSame(told(two), told(one));
  const { coverage } = one.json;
  for (const kind of ['classes', 'handOvers', 'states']) {
    const { seen, next, low, high } = coverage[kind] as NonNullable<(typeof coverage)[string]>;
    t.ok(seen > 1, `${kind}: ${seen}`);
    t.ok(low <= next && next <= high && high < 1);
  }
});

test('what a scenario counts is summed over all executions, and shown', async (t) => {
  const args = ['explore', 'rq-barrier-cut', '--executions', '150', '--seed', '1'];
  const json = async (jobs: string): Promise<ExploreJson> =>
    JSON.parse((await runCli([...args, '--jobs', jobs, '--json'], process.cwd())).stdout) as ExploreJson;
  const { counts, executions } = await json('2');
  t.strictSame(counts, (await json('1')).counts, 'the same for any number of jobs');
  t.equal(counts['power.cuts'], executions, 'each execution has one cut');
  t.ok((counts['barriers.completed'] ?? 0) > 0, 'a cut ends most barriers before they complete');
  for (const what of ['sectors.checked', 'errors.ok']) t.ok((counts[what] ?? 0) > executions / 2, what);
  const { stdout } = await runCli(args, process.cwd());
  t.match(stdout, /^counted +total$/m);
  t.match(
    stdout,
    new RegExp(`^sectors\\.checked +${(counts['sectors.checked'] as number).toLocaleString('en')}$`, 'm'),
  );
  t.notMatch(stdout, /errors\.ok/);
});

test('a search for one kind of finding passes over the others, counts them, and is no success for that', async (t) => {
  const bug = ['interrupted-suspend@10.7', '--preset', '2.6.20', '--bug', 'interrupted-suspend-limbo', '--seed', '1'];
  const search = [...bug, '--shrink-seconds', '0', '--executions', '300'];
  const any = await explore(search);
  const [first] = any.json.findings;
  t.ok(first !== undefined, 'any finding ends the search');
  t.strictSame(any.json.passedOver, {});
  const kind = first?.kind === 'lost-bio' ? 'reorder' : 'lost-bio';
  const one = await explore([...search, '--kind', kind]);
  t.equal(one.json.findings[0]?.kind, kind);
  t.ok((one.json.passedOver[first?.kind as string] as number) > 0, JSON.stringify(one.json.passedOver));
  t.strictSame((await explore([...search, '--kind', kind, '--jobs', '2'])).json.passedOver, one.json.passedOver);
  const none = await explore([...search, '--kind', 'torn']);
  t.equal(none.json.executions, 300);
  t.strictSame([none.code, none.json.ok, none.json.findings], [1, false, []]);
  const text = await runCli(['explore', ...search, '--kind', 'torn'], process.cwd());
  t.match(text.stdout, /^passed over: [a-z-]+ \d+/m);
  t.match(text.stdout, /End of explore: FAILURE: [a-z-]+ \(passed over\)/);
  const wrong = await runCli(['explore', 'drain', '--kind', 'oops'], process.cwd());
  t.match([wrong.code, wrong.stderr], [2, /oops.*lost-bio, double-completion/]);
});

test('a signal comes and an allocation fails in some runs if the budget has one, and in none if it has not', async (t) => {
  const args = ['noflush', '--executions', '300', '--seed', '1'];
  for (const without of [[], ['--budget', 'signals=0,wakeups=2']])
    t.strictSame(Object.keys((await explore([...args, ...without])).json.outcomes), ['bio 0, suspend 0']);
  const { outcomes, findings } = (await explore([...args, '--budget', 'signals=1,wakeups=2'])).json;
  t.strictSame(findings, []);
  t.ok((outcomes['bio 0, suspend -EINTR'] ?? 0) > 0, JSON.stringify(outcomes));
  t.ok((outcomes['bio 0, suspend 0'] ?? 0) > 0, JSON.stringify(outcomes));
  // This round does not expect that its table cannot be loaded.
  const loads = ['freeze@1.0', '--executions', '200', '--seed', '1', '--shrink-seconds', '0', '--out', t.testdir()];
  t.strictSame((await explore([...loads, '--budget', 'allocations=0'])).json.findings, []);
  const failed = await explore([...loads, '--budget', 'allocations=1']);
  t.match(failed.json.findings, [{ kind: 'assertion', message: 'load gives -ENOMEM' }]);
  t.ok(failed.json.executions > 1, 'and not in the first run');
});

test('a budget that cannot be is refused', async (t) => {
  const wrong = await runCli(['explore', 'noflush', '--budget', 'signals=x'], process.cwd());
  t.equal(wrong.code, 2);
  const limited = await runCli(['explore', 'noflush', '--strategy', 'dpor', '--budget', 'timers=0'], process.cwd());
  t.match([limited.code, limited.stderr], [2, /--strategy dpor has no limit for interrupts and timers/]);
  t.match(
    wrong.stderr,
    /'signals=x' is not one of signals=N, wakeups=N, allocations=N, interrupts=N, timers=N with N from 0 to 9/,
  );
});

test('a search that has seen all says up to what: the bound and the budget', async (t) => {
  const args = [
    'drain',
    '--strategy',
    'dpor',
    '--bound',
    '0',
    '--budget',
    'signals=1',
    '--executions',
    '3000',
    '--seed',
    '1',
  ];
  const { json } = await explore(args);
  t.equal(
    json.exhaustive,
    'exhaustive up to 0 preemptions and the order of independent steps, within the budget signals=1',
  );
  const wrong = await runCli(['explore', 'drain', '--bound', '1'], process.cwd());
  t.match([wrong.code, wrong.stderr], [2, /--bound is for --strategy bounded and dpor, not portfolio/]);
});

test('a bug brings its scenario and preset, and its finding says where everybody stands', async (t) => {
  const { code, json } = await explore(['--bug', 'dec-pending-error-rmw', '--executions', '20000', '--seed', '1']);
  t.equal(code, 1);
  t.equal(json.ok, false);
  t.match(json.settings, { scenario: 'noflush-split', preset: '2.6.20' });
  t.match(json.findings[0], { kind: 'wrong-error', invariant: 'I53' });
  t.match(json, {
    command: 'explore',
    settings: Object,
    executions: Number,
    steps: Number,
    executionsPerSecond: Number,
    coverage: Object,
    exhaustive: null,
  });
  t.match(json.findings, [
    {
      message: String,
      scenario: 'noflush-split',
      bug: 'dec-pending-error-rmw',
      schedule: /^v1\.dec-pending-error-rmw\.[\w-]+$/,
      switches: Number,
      shrunkFromSwitches: Number,
      executionsToFind: json.executions,
      secondsToFind: Number,
    },
  ]);
  t.ok((json.findings[0]?.places.length ?? 0) > 0);
});

test('Ctrl-C ends a search with what is known and exit code 130', async (t) => {
  const cli = startCli(['explore', 'drain', '--seconds', '600', '--seed', '1'], process.cwd());
  await cli.printed('explore: scenario=drain');
  cli.process.kill('SIGINT');
  const result = await cli.ended;
  t.equal(result.code, 130);
  t.match(result.stdout, /executions/);
  t.match(result.stdout, /End of explore: INTERRUPTED/);
});

test('the JSON of a search that Ctrl-C has ended says so, and never that all is well', async (t) => {
  t.match(exploreJson({}, [], false), { interrupted: false, ok: true });
  t.match(exploreJson({}, [], true), { interrupted: true, ok: false });
  const args = ['explore', '--bug', 'nf-check-then-queue-unlocked', '--seed', '1', '--jobs', '1', '--json'];
  const cli = startCli([...args, '--shrink-seconds', '600', '--log-level', 'info'], t.testdir());
  await cli.logged('"shrinking"');
  cli.process.kill('SIGINT');
  const { code, stdout } = await cli.ended;
  t.equal(code, 130);
  t.match(JSON.parse(stdout), { findings: [{ kind: 'lost-bio' }], interrupted: true, ok: false });
});

test('Ctrl-C while a finding is made plainer prints the plainest so far', async (t) => {
  const args = ['explore', '--bug', 'nf-check-then-queue-unlocked', '--seed', '1', '--jobs', '1'];
  const cli = startCli([...args, '--shrink-seconds', '600', '--log-level', 'info'], t.testdir());
  await cli.logged('"shrinking"');
  cli.process.kill('SIGINT');
  const { code, stdout } = await cli.ended;
  t.equal(code, 130);
  t.match(stdout, /^lost-bio \(I8\): /m);
  t.match(stdout, /End of explore: INTERRUPTED \(FAILURE: lost-bio\)\n$/);
  const [, schedule = ''] = /^Replay: dmrace replay (\S+)$/m.exec(stdout) ?? [];
  expectReplay(t, schedule, 'lost-bio');
});

test('several scenarios, rounds among them, share the executions; what one leaves the others get', async (t) => {
  const args = ['noflush', 'interrupted-noflush', 'suspend@1.1', '--bug', 'nf-check-then-queue-unlocked'];
  const { code, json } = await explore([...args, '--executions', '1500', '--seed', '1', '--shrink-seconds', '0']);
  t.equal(code, 1);
  t.strictSame(
    json.scenarios?.map(({ scenario }) => scenario),
    ['noflush', 'interrupted-noflush', 'suspend@1.1'],
  );
  const [first, second, third] = (json.scenarios ?? []).map(({ executions }) => executions) as [number, number, number];
  t.equal(first, 500);
  t.ok(second < 500, 'it ends with its finding');
  t.equal(third, 1500 - first - second);
  t.equal(json.executions, 1500);
  t.strictSame(
    json.findings.map(({ kind, scenario }) => [kind, scenario]),
    [['lost-bio', 'interrupted-noflush']],
  );
});

test('a scenario or a round that is not meant for a preset says why', async (t) => {
  for (const name of ['rq-suspend-order', 'barrier@1.1']) {
    const args = [name, '--preset', '2.6.20', '--executions', '1', '--shrink-seconds', '0', '--out', t.testdir()];
    const { stdout } = await runCli(['explore', ...args], process.cwd());
    t.match(stdout, `${name} is not meant for preset 2.6.20: it has neither request-based devices`);
  }
  const fit = await runCli(['explore', 'drain', '--preset', '2.6.20', '--executions', '1'], process.cwd());
  t.notMatch(fit.stdout, 'is not meant for');
});

test('a scenario that takes no signals or failed allocations says so when it gets some', async (t) => {
  const said = async (...args: string[]): Promise<string> => {
    const given = ['--executions', '1', '--shrink-seconds', '0', '--out', t.testdir()];
    return (await runCli(['explore', ...args, ...given], process.cwd())).stdout;
  };
  t.match(await said('drain', '--budget', 'signals=1,allocations=1'), 'drain is not meant for signals and allocations');
  t.notMatch(await said('failed-bdget', '--budget', 'signals=2,allocations=2'), 'is not meant for');
});

test('without a scenario all are explored', async (t) => {
  const { code, json } = await explore(['--executions', String(20 * scenarios.length), '--seed', '1']);
  t.equal(code, 0);
  t.strictSame(
    json.scenarios?.map(({ scenario }) => scenario),
    scenarios.map(({ name }) => name),
  );
  const { budget } = json.settings as { budget: readonly { signals: number }[] };
  t.strictSame(
    budget.map(({ signals }) => signals),
    scenarios.map((each) => each.budget?.signals ?? 0),
    'each with its own budget',
  );
  for (const { scenario, executions } of json.scenarios ?? []) t.equal(executions, 20, scenario);
  const few = await runCli(['explore', '--executions', '3'], process.cwd());
  t.equal(few.code, 2);
  t.match(few.stderr, /--executions 3 is not enough for \d+ scenarios/);
});

test('however short the time is, each scenario is explored, and none for long', async (t) => {
  const { code, json } = await explore(['drain', 'noflush', 'admins', '--seconds', '0.003', '--seed', '1']);
  t.equal(code, 0);
  for (const { scenario, executions } of json.scenarios ?? [])
    t.ok(executions > 0 && executions < SLICE_RUNS, `${scenario}: ${executions}`);
});
