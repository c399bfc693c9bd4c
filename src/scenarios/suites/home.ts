/**
 * I29: when a device is gone, there is as much of each kind of object as before it was made.
 */
import { Bio } from '../../block/bio.ts';
import { Request } from '../../block/request.ts';
import { DmIo, DmTargetIo } from '../../core/dm-io.ts';
import { DmRqTargetIo } from '../../core/dm-rq-target-io.ts';
import { DmTable } from '../../core/dm-table.ts';
import { DmTarget } from '../../core/dm-target.ts';
import { MappedDevice } from '../../core/mapped-device.ts';
import { Alarm } from '../../irq/alarm.ts';
import { Timer } from '../../irq/timer.ts';
import { Work, Workqueue } from '../../irq/workqueue.ts';
import { report } from '../../machine/finding.ts';
import { memory, staticWords } from '../../shared/memory.ts';
import { Mempool } from '../../shared/mempool.ts';
import type { Struct, StructType } from '../../shared/struct.ts';
import { MpathIo, Multipath, Pgpath, PriorityGroup } from '../../targets/multipath/multipath.ts';
import { UserIo } from '../user-io.ts';

const KINDS: readonly StructType<Struct>[] = [
  MappedDevice,
  DmTable,
  DmTarget,
  DmIo,
  DmTargetIo,
  DmRqTargetIo,
  Request,
  Bio,
  Mempool,
  Workqueue,
  Work,
  Timer,
  Alarm,
  UserIo,
  Multipath,
  PriorityGroup,
  Pgpath,
  MpathIo,
];

/** Words that a Home declares. */
export const HOME_WORDS = KINDS.length;

export class Home {
  readonly #words = staticWords(HOME_WORDS);

  /** The device is not there yet; disks are, and what they need for themselves. */
  note(): void {
    for (const [i, kind] of KINDS.entries()) memory.words[this.#words + i] = kind.live().length;
  }

  /** The device is gone. */
  check(): void {
    for (const [i, kind] of KINDS.entries()) {
      const left = kind.live().length - (memory.words[this.#words + i] as number);
      if (left > 0) report('leak', 'I29', `${left} of the kind ${kind.name} are left when the device is gone`);
    }
  }
}
