import { readFileSync } from 'node:fs';
import { test } from 'tap';
import { findBug } from '../../src/variants/variants.ts';
import { runCli } from '../support/cli.ts';
import type { StressJson } from '../support/stress-json.ts';

/**
 * Each takes up to two minutes, so of those that a suite shows only some that are unlike each other, and none that shows in two
 * ways, whichever comes first: nf-deferred-under-iolock-in-irq as sleep-in-atomic or deadlock, interrupted-suspend-limbo as
 * lost-bio or reorder.
 */
const ASSERTED = [
  'nf-check-then-queue-unlocked',
  'nf-pushback-after-wakeup',
  'nf-flag-after-presuspend',
  'nf-merge-order-tail',
  'dec-pending-error-rmw',
  'io-freed-after-endio',
  'nf-lockfs-under-noflush',
  'nf-error-exit-skips-flush',
  'noflush-resize-inode-mutex',
  'nf-complete-and-push-back',
  'nf-flush-after-unlock',
  'bio-barrier-last-error-wins',
];

for (const id of ASSERTED) {
  const bug = findBug(id);
  if (bug?.real == null || bug.suite === null) throw new Error(`${id} names nothing that threads show`);
  const { real, suite } = bug;
  test(`stress --bug ${bug.id} finds it, and the printed command finds the same on the model`, async (t) => {
    const folder = t.testdir();
    const result = await runCli(['stress', '--bug', bug.id, '--seconds', '240', '--seed', '1', '--json'], folder);
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
    const model = await runCli([...words, '--seconds', '300', '--seed', '1', '--json'], folder);
    const found = JSON.parse(model.stdout) as { findings: readonly { kind: string; invariant: string }[] };
    t.equal(model.code, 1);
    t.equal(found.findings[0]?.kind, bug.model.kind);
  });
}

/**
 * A flush that is mapped too late goes to a target of a suspended device, or of a table that is gone; there it may be held for ever,
 * and who takes the table apart waits for it. The model says livelock then: the queue is asked again and again meanwhile.
 */
const SHOWS_AS = { id: 'rqb-flushwq-before-stop', real: ['assertion', 'hang'], model: ['assertion', 'livelock'] };

test(`stress --bug ${SHOWS_AS.id} finds it within 120 s, and the printed command finds it on the model`, async (t) => {
  const folder = t.testdir();
  const { id, real, model } = SHOWS_AS;
  const result = await runCli(['stress', '--bug', id, '--seconds', '120', '--seed', '1', '--json'], folder);
  t.equal(result.code, 1, result.stderr);
  const [finding] = (JSON.parse(result.stdout) as StressJson).suites.flatMap(({ findings }) => findings);
  if (finding === undefined) throw new Error('there is no finding');
  t.comment(`${finding.kind} (${finding.invariant}) in round ${finding.round}`);
  t.ok(real.includes(finding.kind), finding.kind);
  t.match(finding.invariant, finding.kind === 'assertion' ? /^I(9|10|46)$/ : '');
  const words = finding.explore.split(' ').slice(1);
  t.strictSame(words.slice(0, 2), ['explore', `${findBug(id)?.suite}@1.${finding.round}`]);
  const explored = await runCli([...words, '--seconds', '300', '--seed', '1', '--json'], folder);
  const found = JSON.parse(explored.stdout) as { findings: readonly { kind: string }[] };
  t.equal(explored.code, 1);
  const kind = found.findings[0]?.kind ?? 'nothing';
  t.ok(model.includes(kind), kind);
});
