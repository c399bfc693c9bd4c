/**
 * docs/FOUND.md: what was found, and which mistake of the patch it is.
 */
import { writeFileSync } from 'node:fs';
import type { Found } from '../../src/cli/found.ts';

/** A mistake of the patch, and what its findings say. */
interface Mistake {
  readonly entry: string;
  readonly message: RegExp;
}

/** By hand; the first that fits. */
const MISTAKES: readonly Mistake[] = [
  { entry: 'suspend-wait-no-barrier', message: /sleeps for ever although pending/ },
  { entry: 'nf-refused-in-success', message: /a bio that it covered has failed|refused/ },
  { entry: 'dec-pending-error-rmw', message: /handed it back/ },
  { entry: 'io-freed-after-endio', message: /mempool/ },
  { entry: 'noflush-resize-inode-mutex', message: /waits for i_mutex/ },
  { entry: 'rsz-bdget-stall-in-suspend-lock', message: /waits for I_LOCK/ },
  { entry: 'noflush-query-puts-md', message: /mapped-device\.holders/ },
  { entry: 'null-map-window-in-swap', message: /shows no table/ },
  { entry: 'table-last-put-anywhere', message: /below the old table is still open/ },
  { entry: 'io-beyond-table-end', message: /dm-target/ },
  { entry: 'thaw-without-freeze', message: /thaw/ },
  {
    entry: 'inline-dispatch-end-submits',
    message: /takes &md->io_lock for reading, which it already holds for writing/,
  },
  { entry: 'fair-rwsem-recursive-read', message: /user waits for &md->io_lock .*suspender waits for &md->io_lock/ },
  { entry: 'deferred-flush-under-io-lock', message: /log-writer waits for &md->io_lock/ },
  { entry: 'congested-destroys-table', message: /may sleep in .* holds &inode_lock/ },
];

export interface Row {
  readonly entry: string;
  readonly finding: string;
  readonly message: string;
  readonly scenario: string;
  readonly seed: number;
  /** Searches that ended with it. */
  readonly seeds: number;
  readonly executions: number;
  readonly switches: number;
  readonly schedule: string;
}

export function rowOf({ finding, order, schedule, executionsToFind, seed, run }: Found): Row {
  const entry = MISTAKES.find(({ message }) => message.test(finding.message))?.entry ?? '?';
  return {
    entry,
    finding: `${finding.kind} ${finding.invariant}`.trim(),
    message: finding.message,
    scenario: order.scenario,
    seed,
    seeds: 1,
    executions: executionsToFind,
    switches: run.switches,
    schedule,
  };
}

const FILE = new URL('../../../docs/FOUND.md', import.meta.url);

const HEAD = ['mistake', 'finding', 'scenario', 'searches', 'seed', 'executions', 'switches', 'sentence', 'schedule'];
const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;

export function writeDocs(
  rows: readonly Row[],
  quiet: readonly string[],
  { seeds, executions }: { readonly seeds: number; readonly executions: number },
): void {
  const inOrder = [...rows].sort((a, b) => a.entry.localeCompare(b.entry) || a.schedule.length - b.schedule.length);
  const entries = [...new Set(inOrder.map(({ entry }) => entry))];
  const unseen = MISTAKES.map(({ entry }) => entry).filter((entry) => !entries.includes(entry));
  const text = [
    '# Found in the patch as it was posted',
    '',
    `Written by \`npm run found -- --seeds ${seeds} --executions ${executions} --write\`; do not edit.`,
    '',
  ];
  text.push(...explained(entries, unseen, quiet, seeds, executions), '', line(HEAD), line(HEAD.map(() => '---')));
  for (const { entry, finding, scenario, seeds: times, seed, executions: run, switches, message, schedule } of inOrder)
    text.push(
      line([entry, finding, scenario, times, seed, run, switches, message.replaceAll('|', '\\|'), `\`${schedule}\``]),
    );
  writeFileSync(FILE, `${text.join('\n')}\n`);
}

function explained(
  entries: readonly string[],
  unseen: readonly string[],
  quiet: readonly string[],
  seeds: number,
  executions: number,
): string[] {
  return [
    'The preset `seed-000` is device-mapper of 2.6.20 with the noflush patch as it was posted in November 2006, and with the mistakes that',
    '[CORPUS.md](CORPUS.md) says it had. The search knows none of them: every scenario was searched from a cold start',
    `with each seed from 1 to ${seeds}, for at most ${executions.toLocaleString('en')} executions and up to the first finding. A mistake that shows often hides`,
    'the others of its scenario. `dmrace replay SCHEDULE` shows the run of a row, and this finds it again (the lock validator would speak first):',
    '`dmrace explore SCENARIO --preset seed-000 --seed SEED --no-lockdep --budget signals=0,wakeups=0,allocations=0`. *searches*: how many of the searches of the scenario ended with it; seed, executions and switches are those of the schedule.',
    'Which mistake of the patch a finding is was judged by hand, by its sentence.',
    '',
    `Found: ${entries.join(', ')}.`,
    `Not found this way: ${unseen.join(', ') || 'none'}.`,
    `Scenarios in which nothing was found: ${quiet.join(', ') || 'none'}.`,
  ];
}
