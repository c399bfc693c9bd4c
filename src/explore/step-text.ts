/**
 * One step as a line of text: `cpu1 suspender: take &md->io_lock at dmSuspend (core/suspend.ts:120)`.
 */
import { irqName } from '../irq/interrupt.ts';
import { OP_NAMES, OP_START } from '../machine/kernel.ts';
import { siteText } from '../machine/site.ts';
import { taskName } from '../shared/program.ts';
import type { Context } from './context.ts';
import type { WordNames } from './word-names.ts';

/** `suspender`, or `irq device`. */
export function moverName({ task, line }: Context): string {
  return task === null ? `irq ${irqName(line)}` : taskName(task);
}

/** Who does what: what two runs are compared by. */
export function operationText(context: Context, names: WordNames): string {
  const { kind, word } = context.cell;
  return `cpu${context.cpu} ${moverName(context)}: ${`${OP_NAMES[kind]} ${names.of(word)}`.trim()}`;
}

export function stepText(context: Context, names: WordNames): string {
  const { kind, site } = context.cell;
  return operationText(context, names) + (kind === OP_START || site === 0 ? '' : ` at ${siteText(site)}`);
}

/** A step's text without its place in the source. */
export const withoutPlace = (text: string): string => text.replace(/ at \S+ \([^)]*\)$| at unknown place$/, '');
