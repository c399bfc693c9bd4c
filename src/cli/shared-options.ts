/**
 * Options that explore, stress and profile have in common.
 */
import { Option } from 'commander';
import { presets } from '../variants/presets.ts';
import { bugs } from '../variants/variants.ts';
import { LOG_LEVELS } from './log.ts';

export interface VariantOptions {
  readonly preset?: string;
  readonly bug?: string;
  readonly lock: 'tas' | 'ticket';
}

export const presetOption = (): Option =>
  new Option('--preset <name>', 'era of the core').choices(presets.map(({ name }) => name));

/** `and`: what it makes of the command besides. */
export const bugOption = (and = ''): Option =>
  new Option('--bug <id>', `switch a historic bug on${and}`).choices(bugs.map(({ id }) => id));

export const lockOption = (): Option =>
  new Option('--lock <kind>', 'kind of the spinlocks').choices(['tas', 'ticket']).default('tas');

export const logLevelOption = (what: string): Option =>
  new Option('--log-level <level>', what).choices([...LOG_LEVELS]).default('warn');
