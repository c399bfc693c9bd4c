/**
 * What one step does, with the kernel's names: `dm_suspend: md.flags |= NOFLUSH_SUSPENDING`.
 */

import {
  DMF_BLOCK_IO_FOR_SUSPEND,
  DMF_FREEING,
  DMF_FROZEN,
  DMF_NOFLUSH_SUSPENDING,
  DMF_QUEUE_IO_TO_THREAD,
  DMF_SUSPENDED,
} from '../core/mapped-device.ts';
import type { TraceStep } from '../explore/trace.ts';
import {
  OP_ADD_THEN,
  OP_CMPXCHG,
  OP_GIVE,
  OP_GIVE_SHARED,
  OP_IRQ_OFF,
  OP_IRQ_ON,
  OP_LOAD,
  OP_LOAD_THEN,
  OP_NAMES,
  OP_NEXT_ALARM,
  OP_RMW,
  OP_SCHEDULE,
  OP_START,
  OP_STORE,
  OP_TAKE,
  OP_TAKE_SHARED,
  OP_TRY_ADD,
  OP_WAIT_FOR,
  RMW_ADD,
  RMW_AND,
  RMW_EXCHANGE,
} from '../machine/kernel.ts';
import { placeOf } from '../machine/site.ts';
import { TASK_INTERRUPTIBLE, TASK_RUNNING, TASK_UNINTERRUPTIBLE } from '../shared/task.ts';

const MD_FLAGS: readonly (readonly [number, string])[] = [
  [DMF_BLOCK_IO_FOR_SUSPEND, 'BLOCK_IO_FOR_SUSPEND'],
  [DMF_SUSPENDED, 'SUSPENDED'],
  [DMF_FROZEN, 'FROZEN'],
  [DMF_FREEING, 'FREEING'],
  [DMF_NOFLUSH_SUSPENDING, 'NOFLUSH_SUSPENDING'],
  [DMF_QUEUE_IO_TO_THREAD, 'QUEUE_IO_TO_THREAD'],
];
const TASK_STATES: Readonly<Record<number, string>> = {
  [TASK_RUNNING]: 'RUNNING',
  [TASK_INTERRUPTIBLE]: 'INTERRUPTIBLE',
  [TASK_UNINTERRUPTIBLE]: 'UNINTERRUPTIBLE',
};
/** Larger numbers are handles. */
const DECIMAL_MAX = 99_999;

/** `mapped-device.pending` is `md->pending` in the kernel. */
function wordText(name: string): string {
  if (name.startsWith('&')) return name;
  return kernelName(name.replace(/^mapped-device\./, 'md.'))
    .replaceAll('-', '_')
    .replace('.', '->');
}

/** The names of the bits that are set in md->flags. */
export const flagNames = (value: number): string[] =>
  MD_FLAGS.filter(([bit]) => (value & bit) !== 0).map(([, flag]) => flag);

/** A value of this word as the kernel would name it. */
function valueText(name: string, value: number): string {
  if (name === 'mapped-device.flags') {
    const set = flagNames(value);
    return set.length === 0 ? '0' : set.join('|');
  }
  if (name === 'task.state') return TASK_STATES[value] ?? String(value);
  return Math.abs(value) > DECIMAL_MAX ? `0x${(value >>> 0).toString(16)}` : String(value);
}

/** `decPending` is `dec_pending` in the kernel. */
export function kernelName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const signed = (value: number): string => (value < 0 ? `- ${-value}` : `+ ${value}`);

function changeText({ name: full, value, other, result }: TraceStep): string {
  const name = wordText(full);
  const was = result === null ? '' : ` (was ${valueText(full, result)})`;
  if (other === RMW_ADD)
    return result === null ? `${name} ${signed(value)}` : `${name} ${signed(value)} = ${result + value}`;
  if (other === RMW_AND) return `clear ${valueText(full, ~value)} in ${name}${was}`;
  if (other === RMW_EXCHANGE) return `${name} := ${valueText(full, value)}${was}`;
  return `set ${valueText(full, value)} in ${name}${was}`;
}

/** Sleeping locks are taken and given without waiting by changing their count. */
function countText({ kind, name, value, result, other }: TraceStep): string {
  if (kind === OP_TRY_ADD) return result === 1 ? `must wait for ${name}` : `lock ${name} for reading`;
  if (kind === OP_CMPXCHG) return result === value ? `${other === 0 ? 'unlock' : 'lock'} ${name}` : `${name} is taken`;
  return kind === OP_ADD_THEN ? `unlock ${name}` : `change ${name}`;
}

function accessText(step: TraceStep): string {
  const { kind, name: full, value, other, result } = step;
  const name = wordText(full);
  switch (kind) {
    case OP_LOAD:
    case OP_LOAD_THEN:
      return result === null ? `read ${name}` : `${name} is ${valueText(full, result)}`;
    case OP_STORE:
      return `${name} := ${valueText(full, value)}`;
    case OP_RMW:
      return changeText(step);
    case OP_CMPXCHG:
      if (result === value) return `${name}: ${valueText(full, value)} to ${valueText(full, other)}`;
      return `${name} is ${result === null ? '?' : valueText(full, result)}, not ${valueText(full, value)}`;
    case OP_ADD_THEN:
      return `${name} ${signed(value)}${result === null ? '' : ` = ${result}`}`;
    default:
      return OP_NAMES[kind] ?? `operation ${kind}`;
  }
}

function operationText(step: TraceStep): string {
  switch (step.kind) {
    case OP_START:
      return step.isInterrupt ? 'enters' : 'starts';
    case OP_TAKE:
    case OP_WAIT_FOR:
      return `lock ${step.name}`;
    case OP_TAKE_SHARED:
      return `lock ${step.name} for reading`;
    case OP_GIVE:
    case OP_GIVE_SHARED:
      return `unlock ${step.name}`;
    case OP_IRQ_OFF:
      return 'interrupts off';
    case OP_IRQ_ON:
      return step.value === 0 ? 'interrupts stay off' : 'interrupts on';
    case OP_SCHEDULE:
      return 'schedule returns';
    case OP_NEXT_ALARM:
      return 'the disk or timer that is due';
    default:
      return isCount(step) ? countText(step) : accessText(step);
  }
}

/** The function that makes the step, '' for a start. */
export function functionOf({ kind, site }: TraceStep): string {
  return kind === OP_START || site === 0 ? '' : kernelName(placeOf(site).func);
}

export function stepWords(step: TraceStep): string {
  const place = functionOf(step);
  return place === '' ? operationText(step) : `${place}: ${operationText(step)}`;
}

const isCount = ({ kind, name }: TraceStep): boolean =>
  name.startsWith('&') && [OP_TRY_ADD, OP_CMPXCHG, OP_ADD_THEN, OP_RMW].includes(kind);

/** Whether the step is about a lock: the run shows who is inside by what they do there. */
export const isAboutLock = ({ name }: TraceStep): boolean => name.startsWith('&');

/** Whether the step reads, and whether it writes the word that it names. */
export const reads = ({ kind }: TraceStep): boolean => kind !== OP_STORE && kind !== OP_START && kind !== OP_IRQ_OFF;
export const writes = ({ kind, result, value }: TraceStep): boolean =>
  kind === OP_STORE || kind === OP_RMW || kind === OP_ADD_THEN || (kind === OP_CMPXCHG && result === value);
