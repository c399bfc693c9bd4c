import { test } from 'tap';
import { bugs } from '../../src/variants/variants.ts';
import { runCli, startCli } from '../support/cli.ts';

interface ExploreJson {
  readonly executions: number;
  readonly traceHash: string;
  readonly outcomes: Record<string, number>;
  readonly findings: readonly { kind: string; invariant: string; executionsToFind: number; places: unknown[] }[];
  readonly ok: boolean;
}

async function explore(args: readonly string[]): Promise<{ code: number | null; json: ExploreJson }> {
  const result = await runCli(['explore', ...args, '--json'], process.cwd());
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

for (const bug of bugs)
  test(`the model finds ${bug.id} within 200,000 executions of its scenario, as the finding it declares`, async (t) => {
    const { code, json } = await explore(['--bug', bug.id, '--executions', '200000', '--seed', '1']);
    t.equal(code, 1);
    t.equal(json.ok, false);
    const [finding] = json.findings;
    t.equal(finding?.kind, bug.model.kind);
    t.ok(bug.model.invariants.includes(finding?.invariant ?? ''));
    t.ok((finding?.places.length ?? 0) > 0);
    const clean = await explore([bug.scenario, '--preset', bug.preset, '--executions', '5000', '--seed', '1']);
    t.equal(clean.code, 0);
    t.strictSame(clean.json.findings, []);
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
