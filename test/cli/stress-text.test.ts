import { test } from 'tap';
import type { StressSettings } from '../../src/cli/stress/order.ts';
import { stressText } from '../../src/cli/stress/report.ts';
import { CpuTally, SuiteTally } from '../../src/cli/stress/tally.ts';

/** What is printed of a suite with so many findings. */
function printed(findings: number): string {
  const suite = new SuiteTally('noflush');
  for (let round = 0; round < findings; round++)
    suite.findings.push({
      kind: 'lost-bio',
      invariant: 'I8',
      message: `the bio of round ${round} is lost`,
      site: '',
      places: [],
      round,
      seed: 1,
      scenario: `noflush@1.${round}`,
      explore: `dmrace explore noflush@1.${round}`,
      file: `out/noflush@1.${round}.json`,
    });
  const outcome = { canaries: [], suites: [suite], cpus: new CpuTally(), locks: [], faults: [], interrupted: false };
  return stressText({} as StressSettings, outcome);
}

test('of many findings of a suite three are printed, and where the others are', async (t) => {
  const three = printed(3);
  t.match(three, /round 2 is lost/);
  t.notMatch(three, /more/);
  const five = printed(5);
  t.notMatch(five, /round 3 is lost/);
  t.match(five, 'and 2 more of noflush: out/noflush@1.3.json, out/noflush@1.4.json\n');
});
