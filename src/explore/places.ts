/**
 * Where everybody stands on the model machine: for findings.
 */
import { irqName } from '../irq/interrupt.ts';
import { type KernelFinding, report } from '../machine/finding.ts';
import { OP_NAMES, OP_SCHEDULE, OP_START } from '../machine/kernel.ts';
import type { FindingReport, PlaceReport } from '../machine/machine.ts';
import { siteText } from '../machine/site.ts';
import { locksHeldByCpu, locksHeldByTask } from '../shared/holders.ts';
import { isDaemon, taskName } from '../shared/program.ts';
import { wordName } from '../shared/struct-registry.ts';
import type { Context, ModelCpu } from './execution.ts';

/** What a context that cannot go on waits for; '' when it can. */
function waitsFor(context: Context): string {
  const { cell, task } = context;
  if (cell.enabled()) return '';
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
      const idle = context.task !== null && isDaemon(context.task) && context !== each.top && !context.cell.enabled();
      const asleep = context.task !== null && isDaemon(context.task) && context.cell.kind === OP_SCHEDULE;
      if (!idle && !asleep) list.push(placeOf(each, context));
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
  };
}

/** Nothing can move and tasks are left: says who waits for what. */
export function describeStuck(cpus: readonly ModelCpu[]): never {
  const waiting: string[] = [];
  for (const each of cpus)
    for (const context of each.tasks)
      if (context.task !== null && !isDaemon(context.task))
        waiting.push(`${taskName(context.task)} waits for ${waitsFor(context)} at ${siteText(context.cell.site)}`);
  report('deadlock', 'I48', `no CPU can move: ${waiting.join('; ')}`);
}
