/**
 * docs/CORPUS.md has every bug that the code has, and a reason for each that it has not.
 */
import { test } from 'tap';
import { VERIFIED_HEAD } from '../src/cli/bugs/table.ts';
import { bugs } from '../src/variants/variants.ts';
import { readText, tableRows } from './support/documents.ts';

const PAGE = readText('docs/CORPUS.md');
const rows = tableRows(PAGE, ['bug', 'what', 'commit', 'preset', 'scenario', 'finding']);
const absent = tableRows(PAGE, ['entry', 'attested', 'why not']);

/** All entries of the collected bugs that concern the noflush patch, and those of the barrier patch that are S or V; best attested first. */
const ENTRIES = `
rqb-error-store-race rqb-precedence-eopnotsupp rqb-precedence-requeue rqb-flushwq-before-stop rqb-softirq-on-shared-original
rqb-original-completed-per-clone rqb-original-requeued-per-clone rqb-kill-flag-shared rqb-run-queue-from-flush-endio
rqb-second-flush-request rqb-md-freed-under-worker rqb-alloc-in-request-fn rqb-drain-assumption rqb-pc-status-copy
rqb-prep-clones-flush rqb-clone-read-after-free dm-put-frees-in-irq sysfs-get-on-dying-md map-lock-not-irqsafe
queue-io-enables-irqs rq-complete-unmapped-clone mpath-abort-queue-vs-driver blk-flush-seq-no-kick blk-flush-calls-request-fn
blk-ordered-empty-sequence blk-ordered-requeue-vs-internal blk-kick-stopped-queue wq-flusher-cascade remove-all-holds-hash-lock
nf-check-then-queue-unlocked nf-pushback-lock-irqs-on nf-deferred-under-iolock-in-irq nf-flag-after-presuspend
nf-pushback-after-wakeup nf-error-overrides-requeue nf-complete-and-push-back nf-merge-order-tail nf-lockfs-under-noflush
nf-error-exit-skips-flush nf-error-exit-leaks-flag nf-flush-after-unlock nf-map-requeue-unhandled nf-presuspend-not-undone
dec-pending-error-rmw suspend-wait-no-barrier io-freed-after-endio noflush-resize-inode-mutex thaw-without-freeze
deferred-flush-under-io-lock interrupted-suspend-limbo merged-list-pushback-at-tail congested-destroys-table
table-last-put-anywhere noflush-query-puts-md idr-finds-dying-md uevent-takes-hash-lock-again find-device-half-created
bio-barrier-requeue-in-endio upgrade-mode-null-bdev null-map-window-in-swap md-lock-single mpath-freeze-before-noqueue
mpath-message-vs-flush mpath-pg-init-not-awaited mpath-activate-null-path mpath-event-work-after-free mpath-same-wq-deadlock
mpath-message-to-dying-device mpath-pg-init-overlap mpath-endio-plain-lock raid1-hold-list-vs-suspend
raid1-recovery-not-counted raid1-requeue-no-wake raid1-block-under-spinlock
kobject-outlives-md kobject-release-in-module io-before-first-table internal-resume-unpaired retrieve-deps-list
table-clear-hash-lock mpath-qinp-flag-churn destroy-vs-internal-suspend destroy-ab-ba-srcu presuspend-undo
waitqueue-active-no-barrier pending-dropped-before-io-freed requeue-split-bio suspend-eintr-code
inflight-mirror-lost-update fair-rwsem-recursive-read dm-get-md-gap mpath-dtr-vs-pg-init-done
rq-requeue-busy-loop rq-run-queue-recursion mpath-busy-blocks-itself kdmflush-destroys-itself flush-requeue-spin
suspend-uninterruptible-in-flushwq two-counter-zero-test bio-barrier-last-error-wins bio-barrier-eopnotsupp rq-requeue-no-run
`
  .trim()
  .split(/\s+/);

test('the page has a row for each bug of the code, as the code has it', async (t) => {
  t.strictSame(
    rows.map(([id, , commit, preset, scenario, finding]) => [id, commit, preset, scenario, finding?.split(' ')[0]]),
    bugs.map(({ id, commit, preset, scenario, model }) => [id, commit, preset, scenario, model.kind]),
  );
  t.strictSame(
    rows.map(([, what]) => what),
    bugs.map(({ title }) => title),
  );
});

test('every entry of the collection is in the code, or has a reason why not', async (t) => {
  const named = [...rows, ...absent].map(([id]) => id as string);
  t.strictSame(
    ENTRIES.filter((entry) => !named.includes(entry)),
    [],
  );
  t.strictSame(
    named.filter((id, i) => named.indexOf(id) !== i),
    [],
    'none stands twice',
  );
  for (const [entry = '', , reason = ''] of absent) t.ok(reason.length > 10, entry);
});

test('the page says which bugs need no preemption, as was measured', async (t) => {
  const verified = tableRows(readText('docs/VERIFIED.md'), VERIFIED_HEAD);
  const switches = VERIFIED_HEAD.indexOf('switches');
  const sequential = verified.filter((row) => row[switches] === '0').map(([id]) => id?.replaceAll('`', ''));
  t.ok(sequential.length > 0);
  t.match(PAGE, `whoever runs goes on until it waits, ends or is interrupted: ${sequential.join(', ')}.\n`);
});

test('there are at least 30 bugs of seed 000, and at least 25 of seed 002', async (t) => {
  const of = (seed: string): number => bugs.filter((bug) => bug.seed === seed).length;
  t.ok(of('000') >= 30, `${of('000')} of seed 000`);
  t.ok(of('002') >= 25, `${of('002')} of seed 002`);
});
