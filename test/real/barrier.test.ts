/**
 * The suites about barriers on threads: what they count, and that each would notice what it is there for.
 */
import { test } from 'tap';
import type { FindingReport } from '../../src/machine/machine.ts';
import type { ProfileReport } from '../../src/profile/report.ts';
import { runCli } from '../support/cli.ts';
import { runRound, startMachine } from '../support/real.ts';
import type { StressJson } from '../support/stress-json.ts';

test('a run counts barriers, power cuts and the sectors that were checked', async (t) => {
  const line = ['stress', 'barrier', 'barrier-powercut', '--rounds', '25', '--seed', '1', '--json'];
  const result = await runCli(line, t.testdir());
  t.equal(result.code, 0, result.stderr);
  const [all, cut] = (JSON.parse(result.stdout) as StressJson).suites.map(({ barriers }) => barriers);
  t.equal(all?.['powerCuts'], 0);
  t.equal(cut?.['powerCuts'], 25);
  for (const suite of [all, cut])
    for (const what of ['completed', 'sectorsChecked'] as const)
      t.ok((suite?.[what] ?? 0) > 0, `${what} ${suite?.[what]}`);
});

test('a run for people has a table of barriers, and refuses a preset that has none', async (t) => {
  const line = ['stress', 'barrier-powercut', '--rounds', '3', '--seed', '2'];
  const result = await runCli(line, t.testdir());
  t.equal(result.code, 0, result.stderr);
  t.match(result.stdout, /\nsuite +barriers +power cuts +sectors checked\nbarrier-powercut +\d+ +3 +\d+\n/);
  const refused = await runCli([...line, '--preset', '2.6.20'], t.testdir());
  t.equal(refused.code, 2);
  t.match(refused.stderr, /There is no suite 'barrier-powercut' in preset '2\.6\.20'/);
});

/** Enough for any of them many times over. */
const ROUNDS = 400;

test('each of the two suites catches a flush that lies and a post-flush that is left out', async (t) => {
  const machine = await startMachine(t, 4);
  for (const suite of ['barrier', 'barrier-powercut'])
    for (const bug of ['flush-lies', 'post-flush-dropped']) {
      let finding: FindingReport | null = null;
      for (let round = 0; round < ROUNDS && finding === null; round++)
        finding = (await runRound(machine, { scenario: `${suite}@1.${round}`, seed: 1 + round, bug })).finding;
      const caught = { kind: /^(lost-bio|reorder)$/, invariant: /^I4[01]$/ };
      t.match(finding, caught, `${suite}, ${bug}: ${finding?.message ?? 'nothing was found'}`);
    }
});

const OF_REQUESTS = ['&md->barrier_error_lock', '&q->queue_lock', '&md->wait'];
/** A round of each suite in which flushes fail most of the times; and one with a device of bios. */
const PROFILED = {
  'barrier@1.29': OF_REQUESTS,
  'rq-suspend@1.8': OF_REQUESTS,
  'rq-mpath-flush@1.25': OF_REQUESTS,
  'barrier@1.3': ['&md->barrier_part', '&md->wait'],
};

for (const [round, names] of Object.entries(PROFILED))
  test(`the locks of barriers show in the profile of ${round}`, async (t) => {
    const result = await runCli(['profile', round, '--seconds', '4', '--json'], t.testdir());
    t.equal(result.code, 0, result.stderr);
    const { locks } = JSON.parse(result.stdout) as ProfileReport;
    for (const name of names) {
      const acquisitions = locks.find((lock) => lock.class === name)?.acquisitions ?? 0;
      t.ok(acquisitions > 0, `${name}: ${acquisitions}`);
    }
  });
