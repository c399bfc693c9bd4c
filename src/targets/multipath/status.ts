/**
 * The two lines of a multipath target: the words that would build it again, and how it is.
 *
 * Models multipath_status of dm-mpath.c. Both are read with m->lock held, and each word has a space behind it.
 */
import {
  type DmTarget,
  deviceNumber,
  type Kernel,
  spinLockIrqsave,
  spinUnlockIrqrestore,
} from '../../core/device-mapper.ts';
import { hardwareHandlers } from './hardware-handler.ts';
import { groupsOf, type Multipath, multipathOf, PriorityGroup, pathsOf } from './multipath.ts';
import { selectorOf } from './path-selector.ts';

function* locked(ti: DmTarget, text: (m: Multipath) => string): Kernel<string> {
  const m = multipathOf(ti);
  const saved = yield* spinLockIrqsave(m.lock, HERE);
  const line = text(m);
  yield* spinUnlockIrqrestore(m.lock, saved, HERE);
  return line;
}

/** The number of the group that I/O goes to, or will: 0 when there is no group. */
function groupNumber(m: Multipath): number {
  const handle = m.nextPg !== 0 ? m.nextPg : m.currentPg;
  if (handle !== 0) return PriorityGroup.at(handle).pgNum;
  return m.nrPriorityGroups > 0 ? 1 : 0;
}

/** A count, and the words that it counts. */
const counted = (words: readonly string[]): string => [words.length, ...words].join(' ');

function features(m: Multipath): string {
  const words: string[] = [];
  if (m.queueIfNoPath !== 0) words.push('queue_if_no_path');
  if (m.pgInitRetries > 0) words.push('pg_init_retries', String(m.pgInitRetries));
  if (m.pgInitDelay > 0) words.push('pg_init_delay_msecs', String(m.pgInitDelay - 1));
  if (m.retainAttachedHwHandler !== 0) words.push('retain_attached_hw_handler');
  if (m.queueModeBio !== 0) words.push('queue_mode', 'bio');
  return counted(words);
}

function handler(m: Multipath): string {
  if (m.hwHandler === 0) return '0';
  const type = hardwareHandlers.at(m.hwHandler);
  return counted(`${type.name} ${type.tableText(m.hwContext)}`.trim().split(' '));
}

function groupTable(pg: PriorityGroup): string {
  const ps = selectorOf(pg);
  let text = `${ps.name} 0 ${pg.nrPgpaths} ${ps.tableArgs} `;
  for (const pgpath of pathsOf(pg)) text += `${deviceNumber(pgpath.device)} ${ps.tableText(pgpath)}`;
  return text;
}

function groupStatus(m: Multipath, pg: PriorityGroup): string {
  const ps = selectorOf(pg);
  const state = pg.bypassed !== 0 ? 'D' : pg.handle === m.currentPg ? 'A' : 'E';
  let text = `${state} 0 ${pg.nrPgpaths} ${ps.infoArgs} `;
  for (const pgpath of pathsOf(pg)) {
    const { device, isActive, failCount } = pgpath;
    text += `${deviceNumber(device)} ${isActive !== 0 ? 'A' : 'F'} ${failCount} ${ps.infoText(pgpath)}`;
  }
  return text;
}

const groups = (m: Multipath, text: (pg: PriorityGroup) => string): string =>
  `${m.nrPriorityGroups} ${groupNumber(m)} ${[...groupsOf(m)].map(text).join('')}`;

export function tableLine(ti: DmTarget): Kernel<string> {
  return locked(ti, (m) => `${features(m)} ${handler(m)} ${groups(m, groupTable)}`);
}

export function statusLine(ti: DmTarget): Kernel<string> {
  return locked(ti, (m) => `2 ${m.queueIo} ${m.pgInitCount} 0 ${groups(m, (pg) => groupStatus(m, pg))}`);
}
