/**
 * Options that explore, stress and profile have in common.
 */
import { InvalidArgumentError, Option } from 'commander';
import { presets } from '../variants/presets.ts';
import { findBug, type VariantChoice, whyImpossible } from '../variants/variants.ts';
import { LOG_LEVELS } from './log.ts';
import { UsageError } from './usage.ts';

export interface VariantOptions {
  readonly preset?: string;
  readonly bug?: string;
  readonly lock: 'tas' | 'ticket';
}

export const presetOption = (): Option =>
  new Option('--preset <name>', 'era of the core').choices(presets.map(({ name }) => name));

/** There are too many bugs to be named in each help text. */
function bugId(text: string): string {
  if (findBug(text) === undefined) throw new InvalidArgumentError('There is no such bug; "dmrace bugs" lists them.');
  return text;
}

/** `and`: what it makes of the command besides. */
export const bugOption = (and = ''): Option =>
  new Option('--bug <id>', `switch a historic bug on${and}; "dmrace bugs" lists them`).argParser(bugId);

/** What was chosen; a bug comes with its preset. Throws UsageError when the preset has no place for the bug. */
export function variantOf(options: Pick<VariantOptions, 'preset' | 'bug'>): VariantChoice {
  const { bug = null } = options;
  const preset = options.preset ?? (bug === null ? undefined : findBug(bug)?.preset) ?? 'unified';
  const reason = whyImpossible({ preset, bug });
  if (reason !== null) throw new UsageError(`The bug '${bug}' cannot be in preset '${preset}': ${reason}.`);
  return { preset, bug };
}

export const lockOption = (): Option =>
  new Option('--lock <kind>', 'kind of the spinlocks').choices(['tas', 'ticket']).default('tas');

export const logLevelOption = (what: string): Option =>
  new Option('--log-level <level>', what).choices([...LOG_LEVELS]).default('warn');
