import { readFileSync } from 'node:fs';
import { test } from 'tap';
import { bugs } from '../../src/variants/variants.ts';
import { runCli } from '../support/cli.ts';
import type { StressJson } from '../support/stress-json.ts';

for (const bug of bugs) {
  const { real, suite } = bug;
  if (real === null || suite === null) continue;
  test(`stress --bug ${bug.id} finds it within 60 s, and the printed command finds the same on the model`, async (t) => {
    const folder = t.testdir();
    const result = await runCli(['stress', '--bug', bug.id, '--seconds', '60', '--seed', '1', '--json'], folder);
    t.equal(result.code, 1, result.stderr);
    const [finding] = (JSON.parse(result.stdout) as StressJson).suites.flatMap(({ findings }) => findings);
    if (finding === undefined) throw new Error('there is no finding');
    t.equal(finding.kind, real.kind);
    t.ok(real.invariants.includes(finding.invariant), finding.invariant);
    const file = JSON.parse(readFileSync(`${folder}/${finding.file}`, 'utf8')) as { kind: string; explore: string };
    t.equal(file.kind, finding.kind);
    t.equal(file.explore, finding.explore);
    const words = finding.explore.split(' ').slice(1);
    t.strictSame(words.slice(0, 2), ['explore', `${suite}@1.${finding.round}`]);
    const model = await runCli([...words, '--seconds', '60', '--seed', '1', '--json'], folder);
    const found = JSON.parse(model.stdout) as { findings: readonly { kind: string; invariant: string }[] };
    t.equal(model.code, 1);
    t.equal(found.findings[0]?.kind, bug.model.kind);
  });
}
