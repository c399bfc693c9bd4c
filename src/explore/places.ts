/**
 * Where everybody stands on the model machine: for findings.
 */
import { irqName } from '../irq/interrupt.ts';
import type { KernelFinding } from '../machine/finding.ts';
import { OP_NAMES, OP_NEXT_ALARM, OP_SCHEDULE, OP_START } from '../machine/kernel.ts';
import type { FindingReport, PlaceReport } from '../machine/machine.ts';
import { siteText } from '../machine/site.ts';
import { locksHeldByTask } from '../shared/holders.ts';
import { isDaemon, taskName } from '../shared/program.ts';
import { locksHeldByCpu } from '../shared/spinlock.ts';
import { lockTypeAt, wordName } from '../shared/struct-registry.ts';
import type { Context, ModelCpu } from './context.ts';

/** What a context that cannot go on waits for; '' when it can. */
export function waitsFor(context: Context): string {
  const { cell, task } = context;
  // What it has just done is no longer pending, though its cell still holds it.
  if (!cell.announced || cell.enabled()) return '';
  if (cell.kind !== OP_SCHEDULE) return `${wordName(cell.word)} (${OP_NAMES[cell.kind]})`;
  return task !== null && task.blockedOn !== 0 ? wordName(task.blockedOn) : 'a wake-up';
}

function placeOf(each: ModelCpu, context: Context): PlaceReport {
  const { cell, task } = context;
  return {
    cpu: each.number,
    who: task === null ? `irq ${irqName(context.line)}` : taskName(task),
    at: cell.kind === OP_START ? 'start' : siteText(cell.site),
    holds: [
      ...(context === each.top ? locksHeldByCpu(each.number) : []),
      ...(task === null ? [] : locksHeldByTask(task)),
    ],
    waitsFor: waitsFor(context),
    lastSteps: [],
  };
}

/** Every task and interrupt that is under way, sleeping daemons left out. */
function places(cpus: readonly ModelCpu[]): PlaceReport[] {
  const list: PlaceReport[] = [];
  for (const each of cpus)
    for (const context of [...each.interrupts, ...each.tasks]) {
      if (!mayWaitForEver(context)) list.push(placeOf(each, context));
    }
  return list;
}

export function describeFinding(finding: KernelFinding, cpus: readonly ModelCpu[]): FindingReport {
  return {
    kind: finding.kind,
    invariant: finding.invariant,
    message: finding.message,
    site: finding.site === 0 ? '' : siteText(finding.site),
    places: places(cpus),
    ...(finding.report.length === 0 ? {} : { report: finding.report }),
  };
}

/** `submitter0`, or `irq device on CPU 1`. */
export function contextName({ task, line, cpu }: Context): string {
  return task === null ? `irq ${irqName(line)} on CPU ${cpu}` : taskName(task);
}

/** How the sentence of a deadlock begins that is known from who waits for whom. */
export const CYCLE = 'a cycle has closed: ';

/** `submitter0 waits for &md->io_lock at dmRequest (core/submit.ts:60)`, for each of those who cannot go on. */
export function waitsOf(contexts: readonly Context[]): string[] {
  return contexts.map((context) => {
    const what = waitsFor(context);
    return `${contextName(context)} waits for ${what === '' ? 'its CPU' : what} at ${siteText(context.cell.site)}`;
  });
}

/** When nothing can move: each of those who should not wait for ever, and for what. */
export function whoIsStuck(cpus: readonly ModelCpu[]): string[] {
  const stuck: Context[] = [];
  const note = (context: Context): void => {
    if (!mayWaitForEver(context)) stuck.push(context);
  };
  for (const { interrupts, tasks } of cpus) {
    interrupts.forEach(note);
    tasks.forEach(note);
  }
  return waitsOf(stuck);
}

/** A daemon that waits for something to do, but not one that waits for a lock. */
export function mayWaitForEver({ task, cell }: Context): boolean {
  if (task === null || !isDaemon(task)) return false;
  if (cell.kind === OP_NEXT_ALARM) return true;
  if (cell.kind !== OP_SCHEDULE) return false;
  const type = task.blockedOn === 0 ? null : lockTypeAt(task.blockedOn);
  return type !== 'mutex' && type !== 'rw-semaphore' && type !== 'semaphore';
}
