import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { type MachineOrder, modelMachine } from '../../src/cli/explore-machine.ts';
import { exploreScenario } from '../../src/cli/explore-scenario.ts';
import { hex } from '../../src/cli/hex.ts';
import { readSchedule } from '../../src/cli/schedule-name.ts';
import { type ScheduledFinding, scheduledFinding, writeFindingFile } from '../../src/cli/scheduled-finding.ts';
import { FollowList } from '../../src/explore/deciders.ts';
import { RunRecorder } from '../../src/explore/recorded-run.ts';
import { identityOf } from '../../src/explore/shrink.ts';
import { scenarios } from '../../src/scenarios/registry.ts';
import { bugs } from '../../src/variants/variants.ts';
import { runCli } from '../support/cli.ts';
import { testFolder } from '../support/folder.ts';
import { expectReplay, replayed } from '../support/replay.ts';

const SEED = 1;

/** What the search finds first, shrunk for so many seconds. */
async function find(order: MachineOrder, seconds: number): Promise<ScheduledFinding & { readonly first: string }> {
  const request = { ...order, seed: SEED, jobs: 1, executions: 200_000, seconds: null };
  const { finding } = await exploreScenario(request, () => false);
  if (finding === null) throw new Error(`nothing is found in ${order.scenario}`);
  const limits = { seconds, seed: SEED, stopped: () => false };
  return { ...(await scheduledFinding(order, finding.choices, limits)), first: identityOf(finding) };
}

interface ReplayJson {
  readonly command: string;
  readonly finding: { readonly kind: string } | null;
  readonly traceHash: string;
  readonly steps: number;
  readonly divergence: { readonly step: number; readonly expected: string; readonly found: string } | null;
}

async function replayCli(what: string): Promise<{ code: number | null; json: ReplayJson }> {
  const { code, stdout } = await runCli(['replay', what, '--json'], process.cwd());
  return { code, json: JSON.parse(stdout) as ReplayJson };
}

const orderOf = (id: string): MachineOrder => {
  const bug = bugs.find((each) => each.id === id) as (typeof bugs)[number];
  return { scenario: bug.scenario, cpus: 4, preset: bug.preset, bug: id, lock: 'tas' };
};

test('no bug has the name of a scenario', (t) => {
  for (const { id } of bugs)
    t.notOk(
      scenarios.some(({ name }) => name === id),
      id,
    );
  t.end();
});

// One bug for each kind of finding; `bugs verify` replays them all.
const oneOfEachKind = new Map(bugs.map((bug) => [bug.model.kind, bug])).values();
for (const bug of oneOfEachKind)
  test(`${bug.id} shrinks to one line, which gives the same finding and trace hash each time`, async (t) => {
    const found = await find(orderOf(bug.id), 1);
    t.equal(identityOf(found.finding), found.first, 'shrinking keeps kind, invariant and locks');
    t.ok(found.run.switches <= found.shrunkFromSwitches);
    t.ok(found.schedule.startsWith(`v1.${bug.id}.`), found.schedule);
    for (const operations of [null, null, found.operations]) {
      const { run, divergence } = replayed(found.schedule, operations);
      t.equal(divergence, null);
      t.equal(run.traceHash, found.traceHash);
      t.strictSame(run.found, found.finding);
    }
    expectReplay(t, found.schedule, found.finding.kind);
    const other = otherProgram(found.schedule, bug.preset);
    t.ok(replayed(other).divergence !== null, 'the program without the bug never passes');
    const precise = replayed(other, found.operations).divergence;
    t.ok(
      precise !== null && precise.step <= (replayed(other).divergence?.step ?? 0),
      'operations tell the step sooner',
    );
  });

/** The same schedule for the scenario without the bug. */
function otherProgram(schedule: string, preset: string): string {
  const [, id, letters] = /^v1\.([^.]+)\.(.+)$/.exec(schedule) as unknown as [string, string, string];
  const { scenario } = orderOf(id);
  return `v1.${scenario}${preset === 'unified' ? '' : `:${preset}`}.${letters}`;
}

const ID = 'nf-check-then-queue-unlocked';

async function writtenFinding(t: Test): Promise<ScheduledFinding & { readonly file: string }> {
  const found = await find(orderOf(ID), 1);
  return { ...found, file: writeFindingFile(t.testdir(), found, {}) };
}

test('the replay command needs nothing but the line, or the file', async (t) => {
  const found = await writtenFinding(t);
  for (const what of [found.schedule, found.file]) {
    const { code, json } = await replayCli(what);
    t.equal(code, 1);
    t.equal(json.command, 'replay');
    t.equal(json.finding?.kind, 'lost-bio');
    t.equal(json.divergence, null);
    t.equal(json.steps, found.run.steps);
    t.equal(Number.parseInt(json.traceHash, 16) | 0, found.traceHash);
  }
});

test('the choices in the file of a finding, all of them followed one by one, give its trace hash', async (t) => {
  const { file } = await writtenFinding(t);
  const content = JSON.parse(readFileSync(file, 'utf8')) as Record<'schedule' | 'traceHash' | 'kind', string> & {
    readonly steps: number;
    readonly choices: readonly number[];
  };
  const recorder = new RunRecorder(modelMachine(readSchedule(content.schedule).order));
  const followed = recorder.run(new FollowList(Int32Array.from(content.choices)));
  t.notOk(followed.gaveUp, 'each choice can be made');
  t.equal(hex(followed.traceHash), content.traceHash);
  t.match([followed.found?.kind, followed.steps], [content.kind, content.steps]);
  const cut = recorder.run(new FollowList(Int32Array.from(content.choices.slice(0, -2))));
  t.not(hex(cut.traceHash), content.traceHash, 'and not without the last one');
});

test('under another program the command says where it differs, with exit code 3', async (t) => {
  const found = await writtenFinding(t);
  const text = otherProgram(found.schedule, 'unified');
  const alone = await replayCli(text);
  t.equal(alone.code, 3);
  t.ok((alone.json.divergence?.step ?? 0) > 0);
  const content = JSON.parse(readFileSync(found.file, 'utf8')) as Record<string, unknown>;
  const changed = join(t.testdir(), 'changed.json');
  writeFileSync(changed, JSON.stringify({ ...content, schedule: text }));
  const precise = await replayCli(changed);
  t.equal(precise.code, 3);
  t.match(precise.json.divergence?.expected, /irq device: (load|take|irq-off) /);
  t.match(precise.json.divergence?.found, /irq device: /);
  const shown = await runCli(['replay', changed], process.cwd());
  t.match(shown.stdout, /expected {2}cpu0 irq device/);
  t.match(shown.stdout, /End of replay: DIVERGED/);
});

/** A scenario of a user; its lock has this name. */
const ownScenario = (lock: string): string => `
import { assert, defineScenario } from '${new URL('../../src/index.js', import.meta.url).href}';

export const lossy = defineScenario('lossy', ({ word, spinLock }) => {
  const sum = word('sum');
  const lock = spinLock('${lock}');
  function* increment() {
    yield* lock.lock();
    const before = yield* sum.read();
    yield* lock.unlock();
    yield* sum.write(before + 1);
  }
  return {
    actors: [increment, increment],
    *verify() {
      assert((yield* sum.read()) === 2, 'an increment is lost');
    },
  };
});
`;

test('a line whose source has changed: the file that explore has left tells the step, without it a few steps', async (t) => {
  const folder = testFolder(t);
  const file = join(folder, 'lossy.mjs');
  writeFileSync(file, ownScenario('gate'));
  const search = await runCli(['explore', file, '--executions', '500', '--json'], folder);
  t.equal(search.code, 1, search.stderr);
  const [found] = (JSON.parse(search.stdout) as { findings: { schedule: string; file: string }[] }).findings;
  if (found === undefined) throw new Error('nothing is found');
  const again = ['replay', found.schedule, '--own', file, '--json'];
  t.equal((await runCli(again, folder)).code, 1, 'the same source');

  writeFileSync(file, ownScenario('door'));
  const exact = await runCli(again, folder);
  t.equal(exact.code, 3);
  const { divergence } = JSON.parse(exact.stdout) as ReplayJson;
  t.match(divergence, { expected: /: take gate$/, found: /: take door$/ });
  rmSync(join(folder, 'dmrace-out'), { recursive: true });
  const alone = await runCli(again, folder);
  t.equal(alone.code, 3);
  const { divergence: late } = JSON.parse(alone.stdout) as ReplayJson;
  const first = divergence?.step ?? 0;
  const last = late?.step ?? 0;
  t.ok(last >= first && last < first + 7, `step ${last} for ${first}`);
});

test('an operation that is another one in the file is a divergence at its step', async (t) => {
  const found = await writtenFinding(t);
  const operations = [...found.operations];
  operations[99] = 'cpu0 nobody: take nothing at nowhere (none.ts:1)';
  const { divergence } = replayed(found.schedule, operations);
  t.equal(divergence?.step, 100);
  t.equal(divergence?.expected, 'cpu0 nobody: take nothing');
});

test('what cannot be replayed is refused with exit code 2 and a sentence', async (t) => {
  for (const [what, why] of [
    ['v1.no-such-thing.AAUAAAAAAAAA', /there is no scenario or bug 'no-such-thing'/],
    ['v1.drain:no-era.AAUAAAAAAAAA', /there is no preset 'no-era'/],
    ['v1.drain+no-bug.AAUAAAAAAAAA', /there is no bug 'no-bug'/],
    ['v1.drain.A', /ends too early/],
    ['v1.interrupted-suspend@7.42.AgADAQAAAAAAAA', /it is for 0 CPUs, and there can be 1 to 16/],
    ['v1.interrupted-suspend@7.42.AognAwEAAAAAAAA', /it is for 5000 CPUs/],
    ['no-such-file.json', /neither a schedule .* nor a file that can be read \(ENOENT\)/],
    ['package.json', /has no schedule/],
    ['LICENSE', /is not JSON/],
  ] as const) {
    const { code, stderr } = await runCli(['replay', what], process.cwd());
    t.equal(code, 2, what);
    t.match(stderr, why);
  }
});
