/**
 * `--reporter`: what the forms say is read back with parsers that are not ours.
 */
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import tap, { test } from 'tap';
import { Parser } from 'tap-parser';
import { type CheckReport, errorProblem, type Problem } from '../../src/cli/report/checks.ts';
import { githubText, withoutCommands } from '../../src/cli/report/github.ts';
import { junitText } from '../../src/cli/report/junit.ts';
import { tapText } from '../../src/cli/report/tap.ts';
import { runCli } from '../support/cli.ts';
import { testFolder } from '../support/folder.ts';

const OUT = testFolder(tap);

/** All that could be taken for something else by one of the forms. */
const NASTY = '</failure> ]]> & "x" # skip \\ 100 %0A::error::no\n  ...\n---\nok 7\n\u001b[31m\u0000 \ud800 \u{1f600}';
const FAILURE: Problem = {
  kind: 'failure',
  type: 'lost-bio',
  message: NASTY,
  text: NASTY,
  next: `Replay: ${NASTY}`,
  place: { file: 'a,b:c%.ts', line: 7 },
};
const REPORT: CheckReport = {
  command: 'explore',
  settings: { scenario: NASTY, seed: 1, bug: null },
  checks: [
    { group: 'scenario', name: `good ${NASTY}`, seconds: 1.25, problems: [] },
    { group: 'scenario', name: `bad ${NASTY}`, problems: [FAILURE, FAILURE] },
    { group: 'harness', name: 'broken', problems: [errorProblem(NASTY)] },
  ],
  stopped: null,
};

// ---- TAP ----

interface TapPoint {
  readonly ok: boolean;
  readonly name: string;
  readonly skip: string | false;
  readonly diag: Record<string, unknown> | null;
}

interface Tap {
  readonly ok: boolean;
  readonly bailout: string | boolean;
  readonly points: TapPoint[];
  readonly extra: string[];
}

function readTap(text: string): Tap {
  const points: TapPoint[] = [];
  const extra: string[] = [];
  const parser = new Parser({ strict: true });
  parser.on('assert', (point: TapPoint) => points.push(point));
  parser.on('extra', (line: string) => extra.push(line));
  parser.end(text);
  return { ok: parser.ok, bailout: parser.bailedOut, points, extra };
}

test('TAP: each check is a test point, whatever its name, and a finding is its YAML', async (t) => {
  const { points, extra, ok } = readTap(tapText(REPORT));
  t.equal(ok, false);
  t.strictSame(extra, [], 'a strict parser takes every line');
  t.strictSame(
    points.map((point) => [point.ok, point.skip]),
    [
      [true, false],
      [false, false],
      [false, false],
    ],
  );
  t.match(points[0]?.name, /^scenario: good <\/failure> .*# skip/, 'a # in a name is no directive');
  t.strictSame(points[1]?.diag, {
    message: NASTY,
    severity: 'fail',
    type: 'lost-bio',
    at: FAILURE.place,
    text: `${NASTY}\n\n${NASTY}`,
  });
});

test('TAP: a run that was stopped bails out, and one without checks is a plan of none', async (t) => {
  t.equal(readTap(tapText({ ...REPORT, stopped: 'interrupted\nby hand' })).bailout, 'interrupted by hand');
  const none = readTap(tapText({ ...REPORT, checks: [] }));
  t.strictSame([none.points, none.extra], [[], []]);
});

// ---- JUnit ----

interface Testcase {
  readonly '@name': string;
  readonly '@classname': string;
  readonly '@time'?: string;
  readonly failure?: { readonly '@message': string; readonly '@type': string; readonly text: string };
  readonly error?: { readonly '@message': string };
}
interface Testsuite {
  readonly '@tests': string;
  readonly '@failures': string;
  readonly '@errors': string;
  readonly properties: { readonly property: readonly { readonly '@name': string; readonly '@value': string }[] };
  readonly testcase: readonly Testcase[];
}

function readJunit(text: string): Testsuite {
  const valid = XMLValidator.validate(text);
  if (valid !== true) throw new Error(valid.err.msg);
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    textNodeName: 'text',
    trimValues: false,
    parseTagValue: false,
    isArray: (name) => name === 'testcase' || name === 'property',
  });
  return (parser.parse(text) as { testsuites: { testsuite: Testsuite } }).testsuites.testsuite;
}

/** Whether XML 1.0 has no way to say a character of NASTY. */
const isUnsayable = (character: string): boolean =>
  character !== '\n' && (character < ' ' || !character.isWellFormed());
const SAID = [...NASTY].map((character) => (isUnsayable(character) ? '\ufffd' : character)).join('');

test('JUnit: counts, names, messages and settings come back as they were', async (t) => {
  const text = junitText(REPORT);
  t.notOk([...text].some(isUnsayable));
  const suite = readJunit(text);
  t.strictSame([suite['@tests'], suite['@failures'], suite['@errors']], ['3', '1', '1']);
  const [good, bad, broken] = suite.testcase as [Testcase, Testcase, Testcase];
  t.strictSame([good['@classname'], good['@time'], good.failure], ['dmrace.explore.scenario', '1.250', undefined]);
  t.equal(bad['@name'], `bad ${SAID}`);
  t.strictSame([bad.failure?.['@message'], bad.failure?.['@type']], [SAID, 'lost-bio']);
  t.equal(bad.failure?.text, `${SAID}\n\n${SAID}`);
  t.equal(broken.error?.['@message'], SAID);
  t.strictSame(
    suite.properties.property.map((each) => [each['@name'], each['@value']]),
    [
      ['scenario', SAID],
      ['seed', '1'],
    ],
  );
});

test('JUnit: a run that was stopped is an error', async (t) => {
  const suite = readJunit(junitText({ ...REPORT, checks: [], stopped: 'interrupted' }));
  t.strictSame([suite['@tests'], suite['@errors']], ['1', '1']);
  t.equal(suite.testcase[0]?.error?.['@message'], 'interrupted');
});

// ---- GitHub ----

interface WorkflowCommand {
  readonly name: string;
  readonly properties: Record<string, string>;
  readonly message: string;
}

/** As the runner reads a log: a line that begins with `::`, after white space, until told to stop. */
function readCommands(log: string): WorkflowCommand[] {
  const commands: WorkflowCommand[] = [];
  const message = (text: string): string => text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');
  const property = (text: string): string => message(text.replaceAll('%3A', ':').replaceAll('%2C', ','));
  let token: string | null = null;
  for (const line of log.split('\n')) {
    if (token !== null) {
      if (line.trim() === `::${token}::`) token = null;
      continue;
    }
    const match = /^\s*::([^\s:]+)(?: (.*?))?::(.*)$/.exec(line);
    if (match === null) continue;
    const [, name = '', properties = '', text = ''] = match;
    if (name === 'stop-commands') token = text;
    const pairs = properties.split(',').map((pair): [string, string] => {
      const [key = '', value = ''] = pair.split(/=(.*)/s);
      return [key, property(value)];
    });
    if (token === null) commands.push({ name, properties: Object.fromEntries(pairs), message: message(text) });
  }
  return commands;
}

test('GitHub: each problem is one error with its file and line, and nothing inside it ends it', async (t) => {
  const commands = readCommands(githubText(REPORT));
  t.strictSame(
    commands.map(({ name }) => name),
    ['error', 'error', 'error'],
  );
  const [failure] = commands;
  t.equal(failure?.message, `${NASTY}\nReplay: ${NASTY}`);
  t.strictSame(failure?.properties, {
    file: 'a,b:c%.ts',
    line: '7',
    title: `dmrace explore, scenario bad ${NASTY}: lost-bio`,
  });
  t.strictSame(readCommands(githubText({ ...REPORT, checks: [], stopped: 'interrupted' })).length, 1);
  t.equal(githubText({ ...REPORT, checks: REPORT.checks.slice(0, 1) }), '', 'what held is no annotation');
});

test('GitHub: nothing in the log for people is taken for a command', async (t) => {
  const log = '::error::planted\n::add-mask::x\nplain';
  t.equal(readCommands(log).length, 2, 'without the guard it would be');
  t.strictSame(readCommands(`${withoutCommands(log)}::error::ours\n`), [
    { name: 'error', properties: { '': '' }, message: 'ours' },
  ]);
});

// ---- The commands ----

const BUG = ['explore', '--bug', 'nf-check-then-queue-unlocked', '--seed', '1', '--jobs', '1', '--shrink-seconds', '0'];
const CLEAN = ['stress', 'suspend', '--rounds', '1', '--seed', '1'];

test('explore with a bug is one failed check in each form, with the command that replays it', async (t) => {
  const report = (form: string) => runCli([...BUG, '--out', OUT, '--reporter', form], process.cwd());
  const tap = await report('tap');
  const [point] = readTap(tap.stdout).points;
  t.match(point, { ok: false, name: 'scenario: interrupted-noflush with nf-check-then-queue-unlocked' });
  t.match(point?.diag?.['text'], /^Replay: dmrace replay v1\./m);
  const junit = await report('junit');
  const failure = readJunit(junit.stdout).testcase[0]?.failure;
  t.match(failure, { '@type': 'lost-bio', '@message': /^lost-bio \(I8\): / });
  const github = await report('github');
  const [error] = readCommands(github.stdout);
  t.match(error, {
    name: 'error',
    properties: { file: 'src/core/end-io.ts' },
    message: /\nReplay: dmrace replay v1\./,
  });
  t.match(github.stdout, /\nEnd of explore: FAILURE: lost-bio\n/);
  t.strictSame([tap.code, junit.code, github.code], [1, 1, 1]);
});

test('a stress run that holds is a check for each canary and each suite', async (t) => {
  const { code, stdout } = await runCli([...CLEAN, '--out', OUT, '--reporter', 'tap'], process.cwd());
  const { ok, points } = readTap(stdout);
  t.strictSame([code, ok], [0, true]);
  t.equal(points.at(-1)?.name, 'suite: suspend holds in 1 round');
  t.ok(points.length > 1);
});

/** The validator needs no luck: any round with a push-back shows this one. */
const FINDS = ['stress', 'noflush-pushback', '--bug', 'nf-pushback-lock-irqs-on', '--lockdep', '--rounds', '40'];

test('a finding of stress is a failure of its suite, and nothing else fails', async (t) => {
  const { code, stdout } = await runCli([...FINDS, '--seed', '1', '--out', OUT, '--reporter', 'junit'], process.cwd());
  t.equal(code, 1);
  const suite = readJunit(stdout);
  const failed = suite.testcase.filter(({ failure, error }) => failure !== undefined || error !== undefined);
  t.strictSame(
    [suite['@tests'], suite['@failures'], suite['@errors']],
    [String(suite.testcase.length), String(failed.length), '0'],
  );
  t.equal(failed.length, 1);
  t.match(failed[0], {
    '@classname': 'dmrace.stress.suite',
    '@name': /^noflush-pushback holds in \d+ rounds?$/,
    failure: { '@type': 'irq-unsafe', '@message': /^irq-unsafe \(I17\): .* takes &md->pushback_lock at / },
  });
  const text = failed[0]?.failure?.text ?? '';
  t.match(text, /^irq-unsafe \(I17\): inconsistent lock state/m);
  t.match(text, /\n\nSearch the same round: dmrace explore noflush-pushback@1\.\d+ .*--bug nf-pushback-lock-irqs-on/);
  t.ok(suite.properties.property.some((each) => each['@name'] === 'seed' && each['@value'] === '1'));
});

test('a finding of stress is one annotation at its place, in a line of its own', async (t) => {
  const { code, stdout } = await runCli([...FINDS, '--seed', '1', '--out', OUT, '--reporter', 'github'], process.cwd());
  t.equal(code, 1);
  t.match(stdout, /\nEnd of stress: FAILURE: 1 finding in noflush-pushback\n::/);
  t.match(
    stdout,
    /^::error file=\S+,line=\d+,title=dmrace stress%2C suite [^:]+%3A irq-unsafe::.*%0ASearch the same /m,
  );
  const commands = readCommands(stdout);
  t.match(commands, [
    {
      name: 'error',
      properties: { file: /^src\/.+\.ts$/, title: /^dmrace stress, suite noflush-pushback holds in .*: irq-unsafe$/ },
      message: /^irq-unsafe \(I17\): .*\nSearch the same round: dmrace explore noflush-pushback@1\.\d+ [^\n]+$/,
    },
  ]);
  t.equal(commands.length, 1);
});

test('a bug is a check of bugs verify, which says what went wrong with it', async (t) => {
  const verify = ['bugs', 'verify', 'nf-check-then-queue-unlocked', '--seeds', '1', '--clean-executions', '10'];
  const good = await runCli([...verify, '--shrink-seconds', '0', '--reporter', 'tap'], process.cwd());
  t.strictSame([good.code, readTap(good.stdout).ok], [0, true]);
  t.match(readTap(good.stdout).points[0]?.name, /^bug: nf-check-then-queue-unlocked is found with the seed 1, replays/);
  const bad = await runCli([...verify, '--seconds', '0.001', '--reporter', 'junit'], process.cwd());
  t.equal(bad.code, 1);
  const failure = readJunit(bad.stdout).testcase[0]?.failure;
  t.equal(failure?.['@message'], 'nf-check-then-queue-unlocked, seed 1: nothing in 1 execution');
  t.match(failure?.text, 'dmrace bugs verify nf-check-then-queue-unlocked --seeds 1');
  const log = await runCli([...verify, '--seconds', '0.001', '--reporter', 'github'], process.cwd());
  t.equal(log.code, 1);
  t.match(log.stdout, /\nEnd of bugs verify: FAILURE: 1 problem\n::/);
  t.strictSame(readCommands(log.stdout), [
    {
      name: 'error',
      properties: {
        title:
          'dmrace bugs verify, bug nf-check-then-queue-unlocked is found with the seed 1, replays, and its scenario is silent without it: bug',
      },
      message:
        'nf-check-then-queue-unlocked, seed 1: nothing in 1 execution\ndmrace bugs verify nf-check-then-queue-unlocked --seeds 1',
    },
  ]);
});

test('bugs that are as they should be are test cases without a failure', async (t) => {
  const verify = ['bugs', 'verify', 'nf-check-then-queue-unlocked', '--seeds', '1', '--clean-executions', '10'];
  const junit = await runCli([...verify, '--shrink-seconds', '0', '--reporter', 'junit'], process.cwd());
  const suite = readJunit(junit.stdout);
  t.strictSame([junit.code, suite['@tests'], suite['@failures'], suite['@errors']], [0, '1', '0', '0']);
  t.match(suite.testcase[0], {
    '@classname': 'dmrace.bugs verify.bug',
    '@name': /^nf-check-then-queue-unlocked is found/,
  });
});

test('--json and a form exclude each other', async (t) => {
  const { code, stderr } = await runCli([...CLEAN, '--json', '--reporter', 'tap'], process.cwd());
  t.equal(code, 2);
  t.equal(stderr, 'dmrace: --json and --reporter tap exclude each other; give one of them.\n');
});
