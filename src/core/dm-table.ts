/**
 * Tables: which target serves which sectors.
 *
 * Models dm-table.c. A table is immutable once it is complete, except for its reference count and whether its events still
 * reach the device. A sector beyond the last target has no target: the caller must look (the absence of that test crashed
 * kernels before 2.6.24).
 */
import { BlockDevice, nameOf } from '../block/block-device.ts';
import { RequestQueue } from '../block/request-queue.ts';
import { EINVAL, ENOMEM } from '../machine/errno.ts';
import { CHOICE_ALLOCATION, type Kernel } from '../machine/kernel.ts';
import { printk } from '../machine/log.ts';
import { ops } from '../machine/operations.ts';
import { memory } from '../shared/memory.ts';
import { type RefCount, refCountField } from '../shared/ref-count.ts';
import { defineStruct, embed, plain, type Struct } from '../shared/struct.ts';
import { type DeviceArea, DmTarget, type TargetType, targetTypes } from './dm-target.ts';
import { DM_TYPE_BIO_BASED, DM_TYPE_REQUEST_BASED, MappedDevice } from './mapped-device.ts';
import { seams } from './seams.ts';

/** The most targets of a table. */
export const DM_TARGETS_MAX = 8;
/** The most sectors of a device: a sector's number is one word. */
const DM_SECTORS_MAX = 0x7fffffff;

export interface DmTable extends Struct {
  md: number;
  /** DM_TYPE_*. */
  type: number;
  readonly holders: RefCount;
  numTargets: number;
  /** 1 while the table is bound and its events reach the device; guarded by _event_lock. */
  eventsBound: number;
  /** The oracles' alone (check/suspend.ts): 1 when its events have been unbound. */
  readonly unbound: { readonly word: number };
  readonly targets: { readonly word: number };
}

export const DmTable = defineStruct<DmTable>('dm-table', 't', 8, {
  md: plain,
  type: plain,
  holders: refCountField,
  numTargets: plain,
  eventsBound: plain,
  unbound: embed(1, (word) => ({ word })),
  targets: embed(DM_TARGETS_MAX, (word) => ({ word })),
});

export function dmTableTarget(table: DmTable, index: number): DmTarget {
  return DmTarget.at(memory.words[table.targets.word + index] as number);
}

/** Sectors that the table covers. */
export function dmTableSize(table: DmTable): number {
  if (table.numTargets === 0) return 0;
  const last = dmTableTarget(table, table.numTargets - 1);
  return last.begin + last.len;
}

/** The target of a sector, or null beyond the end. */
export function dmTableFindTarget(table: DmTable, sector: number): DmTarget | null {
  const count = table.numTargets;
  for (let i = 0; i < count; i++) {
    const ti = dmTableTarget(table, i);
    if (sector < ti.begin + ti.len) return ti;
  }
  return null;
}

export function typeOf(ti: DmTarget): TargetType {
  return targetTypes.at(ti.type);
}

/** Gives up one reference (dm_table_put). */
export function dmTablePut(table: DmTable): Kernel<void> {
  return seams.tablePut(table);
}

/** Seam tablePut: never the last one. Whoever destroys the table waits for the count, so nobody is woken. */
export function dropTable(table: DmTable): Kernel<void> {
  return table.holders.drop(HERE);
}

/** One line of a table: `start len type args…`. */
interface TableLine {
  readonly start: number;
  readonly len: number;
  readonly type: string;
  readonly argv: readonly string[];
}

const wholeNumber = /^\d+$/;

/** The lines of a table's text; a string is the reason why there are none. */
export function parseTable(text: string): TableLine[] | string {
  const lines: TableLine[] = [];
  const rows = text.split('\n');
  for (let i = 0; i < rows.length; i++) {
    const words = (rows[i] as string).replace(/#.*$/, '').trim().split(/\s+/);
    if (words[0] === '') continue;
    const [start, len, type, ...argv] = words;
    if (
      start === undefined ||
      len === undefined ||
      type === undefined ||
      !wholeNumber.test(start) ||
      !wholeNumber.test(len)
    )
      return `Invalid format on line ${i + 1} of table`;
    lines.push({ start: Number(start), len: Number(len), type, argv });
  }
  return lines;
}

/** Why a line cannot be added to a table that ends at `end`, in the order of dm_table_add_target; null when it can. */
function refusal({ start, len, type }: TableLine, end: number, count: number): string | null {
  if (count === DM_TARGETS_MAX) return `more than ${DM_TARGETS_MAX} targets`;
  if (len === 0) return 'zero-length target';
  if (start + len > DM_SECTORS_MAX) return 'too large device';
  if (targetTypes.idOf(type) === 0) return `${type}: unknown target type`;
  if (start !== end) return `${type}: Gap in table`;
  return null;
}

/** Builds a table from its text for a device; a negative number is the error, and the reason is in the kernel log. */
export function* dmTableCreate(md: number, device: string, text: string): Kernel<DmTable | number> {
  const lines = parseTable(text);
  if (typeof lines === 'string') {
    printk(`device-mapper: table: ${device}: ${lines}`);
    return -EINVAL;
  }
  if ((yield* ops.choice(CHOICE_ALLOCATION, 2, HERE)) !== 0) return -ENOMEM;
  const table = DmTable.alloc();
  if (table === null) return -ENOMEM;
  table.md = md;
  table.holders.init(1);
  if (yield* populateTable(table, device, lines)) return table;
  yield* destroyTargets(table);
  return -EINVAL;
}

/** Adds the targets and looks at what they make together; false when the table is refused. */
function* populateTable(table: DmTable, device: string, lines: readonly TableLine[]): Kernel<boolean> {
  for (const line of lines) {
    const reason = refusal(line, dmTableSize(table), table.numTargets) ?? (yield* addTarget(table, line));
    if (reason === null) continue;
    printk(`device-mapper: table: ${device}: ${reason}`);
    printk('device-mapper: ioctl: error adding target to table');
    return false;
  }
  if (table.numTargets === 0) {
    printk('device-mapper: ioctl: populate_table: no targets specified');
    return false;
  }
  for (let i = 0; i < table.numTargets; i++) {
    const reason = yield* deviceAreaRefusal(dmTableTarget(table, i));
    if (reason === null) continue;
    printk(`device-mapper: table: ${device}: ${reason}`);
    printk('device-mapper: ioctl: unable to set up device queue for new table.');
    return false;
  }
  const reason = yield* seams.setType(table);
  if (reason === null) return true;
  // Of the whole table: these do not name the device.
  printk(`device-mapper: table: ${reason}`);
  printk('device-mapper: table: unable to determine table type');
  return false;
}

/**
 * Seam setType, dm_table_set_type: why the targets do not make a table together; null when they do. A target that can do both is what
 * the device is.
 */
export function* setType(table: DmTable): Kernel<string | null> {
  const targets = Array.from({ length: table.numTargets }, (_, i) => dmTableTarget(table, i));
  const takesRequests = (ti: DmTarget): boolean => typeOf(ti).mapRq !== undefined;
  const wanted = MappedDevice.at(table.md).type;
  table.type = DM_TYPE_BIO_BASED;
  if (wanted === DM_TYPE_BIO_BASED || !targets.some(takesRequests)) return null;
  if (!targets.every(takesRequests)) return "Inconsistent table: different target types can't be mixed up";
  for (const ti of targets)
    if (!(yield* isStackable(ti))) return 'table load rejected: including non-request-stackable devices';
  if (targets.length > 1) return "Request-based dm doesn't support multiple targets yet";
  table.type = DM_TYPE_REQUEST_BASED;
  return null;
}

/** Whether all devices below have request queues that take clones. */
function* isStackable(ti: DmTarget): Kernel<boolean> {
  for (const { device } of devicesBelow(ti)) {
    const { queue } = BlockDevice.at(device);
    if (queue === 0 || (yield* RequestQueue.at(queue).stackable.read(HERE)) === 0) return false;
  }
  return true;
}

/** The devices below a target. */
export function devicesBelow(ti: DmTarget): readonly DeviceArea[] {
  return typeOf(ti).iterateDevices?.(ti) ?? (ti.device === 0 ? [] : [ti]);
}

/** Models device_area_is_invalid: why a device below cannot hold the target; null when all can, or have no size yet. */
function* deviceAreaRefusal(ti: DmTarget): Kernel<string | null> {
  for (const { device, start, len = ti.len } of devicesBelow(ti)) {
    const bdev = BlockDevice.at(device);
    const size = yield* bdev.capacity.read(HERE);
    if (size !== 0 && start + len > size)
      return `${nameOf(bdev)} too small for target: start=${start}, len=${len}, dev_size=${size}`;
  }
  return null;
}

function* addTarget(table: DmTable, line: TableLine): Kernel<string | null> {
  const ti = DmTarget.alloc();
  if (ti === null) return `${line.type}: Cannot allocate target`;
  ti.table = table.handle;
  ti.type = targetTypes.idOf(line.type);
  ti.begin = line.start;
  ti.len = line.len;
  const reason = yield* typeOf(ti).ctr(ti, line.argv);
  if (reason !== null) {
    DmTarget.free(ti);
    return `${line.type}: ${reason}`;
  }
  memory.words[table.targets.word + table.numTargets] = ti.handle;
  table.numTargets++;
  return null;
}

/** Nobody has a reference on the table, or whoever calls has the only one. Process context. */
export function* destroyTargets(table: DmTable): Kernel<void> {
  for (let i = table.numTargets - 1; i >= 0; i--) {
    const ti = dmTableTarget(table, i);
    const destroy = typeOf(ti).dtr;
    if (destroy !== undefined) yield* destroy(ti);
    DmTarget.free(ti);
  }
  DmTable.free(table);
}

/** The table is not live any more, and its devices below are closed when this returns. Process context. */
export function dmTableDestroy(table: DmTable): Kernel<void> {
  return seams.tableDestroy(table);
}

/** Seam tableDestroy: waits until nobody else holds the table. */
export function* destroyWhenUnused(table: DmTable): Kernel<void> {
  // Models the 1 ms polls of dm_table_destroy(): holders are gone soon, they do not leave their CPU.
  while ((yield* table.holders.read(HERE)) !== 1) yield* ops.relax(HERE);
  yield* destroyTargets(table);
}

/** Calls a hook of every target, in table order. */
export function* dmTablePresuspendTargets(table: DmTable): Kernel<void> {
  for (let i = 0; i < table.numTargets; i++) {
    const ti = dmTableTarget(table, i);
    const hook = typeOf(ti).presuspend;
    if (hook !== undefined) yield* hook(ti);
  }
}

export function* dmTablePostsuspendTargets(table: DmTable): Kernel<void> {
  for (let i = 0; i < table.numTargets; i++) {
    const ti = dmTableTarget(table, i);
    const hook = typeOf(ti).postsuspend;
    if (hook !== undefined) yield* hook(ti);
  }
}

/** All preresume hooks up to the first error, then all resume hooks. */
export function* dmTableResumeTargets(table: DmTable): Kernel<number> {
  for (let i = 0; i < table.numTargets; i++) {
    const ti = dmTableTarget(table, i);
    const hook = typeOf(ti).preresume;
    const result = hook === undefined ? 0 : yield* hook(ti);
    if (result !== 0) return result;
  }
  for (let i = 0; i < table.numTargets; i++) {
    const ti = dmTableTarget(table, i);
    const hook = typeOf(ti).resume;
    if (hook !== undefined) yield* hook(ti);
  }
  return 0;
}

/** The table as `dmsetup table` prints it, or with `status` as `dmsetup status` does. */
export function* dmTableText(table: DmTable, status: boolean): Kernel<string> {
  const rows: string[] = [];
  for (let i = 0; i < table.numTargets; i++) {
    const ti = dmTableTarget(table, i);
    const type = typeOf(ti);
    const words = yield* status ? type.statusLine(ti) : type.tableLine(ti);
    rows.push(`${ti.begin} ${ti.len} ${type.name} ${words}`);
  }
  return rows.join('\n');
}
