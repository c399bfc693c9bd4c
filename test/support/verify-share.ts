/**
 * `dmrace bugs verify` for a share of all bugs: together they take longer than a test file may.
 */
import { test } from 'tap';
import { bugs } from '../../src/variants/variants.ts';
import { runCli } from './cli.ts';

interface VerifyJson {
  readonly bugs: readonly {
    readonly id: string;
    readonly found: number;
    readonly replaysEqual: boolean;
    readonly cleanTwinSilent: boolean;
  }[];
  readonly problems: readonly string[];
  readonly ok: boolean;
}

const SEEDS = 2;
/** A search may take as long as a busy machine needs. */
const LIMITS = ['--seconds', '600', '--shrink-seconds', '2', '--clean-executions', '1000'];
/** Files that each verify a share: bugs-verify-1 … */
export const SHARES = 5;

/** Every bug is in one share: number 1 … SHARES. Bugs of one scenario stay together, for they have one twin. */
export function shareOf(number: number): string[] {
  const scenarios = [...new Set(bugs.map(({ scenario }) => scenario))];
  return bugs.filter(({ scenario }) => (scenarios.indexOf(scenario) % SHARES) + 1 === number).map(({ id }) => id);
}

export function verifyShare(number: number): void {
  const ids = shareOf(number);
  test('each bug is found from a cold start, is shrunk and replayed, and its scenario is silent without it', async (t) => {
    t.ok(ids.length > 0);
    const args = ['--seeds', String(SEEDS), ...LIMITS, '--json'];
    const { code, stdout, stderr } = await runCli(['bugs', 'verify', ...ids, ...args], process.cwd());
    t.equal(code, 0, stderr);
    const json = JSON.parse(stdout) as VerifyJson;
    t.strictSame(json.problems, []);
    t.strictSame(
      json.bugs.map(({ id }) => id),
      ids,
    );
    // How small a schedule becomes is a matter of time, which no test depends on: bugs verify names those that are beyond its targets.
    const figures = {
      executionsMedian: Number,
      executionsP95: Number,
      secondsP95: Number,
      switches: Number,
      scheduleChars: Number,
    };
    for (const bug of json.bugs)
      t.match(bug, { found: SEEDS, seeds: SEEDS, ...figures, replaysEqual: true, cleanTwinSilent: true }, bug.id);
  });
}
