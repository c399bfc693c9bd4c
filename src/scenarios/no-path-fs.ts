/**
 * A file system on a device without a path, and the way out: a table that works. What scenarios of seed 004 begin with.
 */
import { dmTableLoad, doResume, doSuspend } from '../core/ioctl.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../core/suspend.ts';
import { errnoText } from '../machine/errno.ts';
import { report } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import { bindScripts } from '../targets/scripted.ts';
import { DEVICE_WORDS, Device } from './device.ts';
import { FS_USER_WORDS, FsUser } from './fs-user.ts';
import { NO_PATH, PATH_TARGET_WORDS, PathTarget } from './path-target.ts';

export const NO_PATH_FS_WORDS = DEVICE_WORDS + FS_USER_WORDS + PATH_TARGET_WORDS;

export class NoPathFs {
  readonly device = new Device();
  readonly fs = new FsUser(this.device);
  readonly #path = new PathTarget(NO_PATH);

  constructor() {
    bindScripts([this.#path]);
  }

  *setup(): Kernel<void> {
    this.#path.init();
    yield* this.device.create({ mode: 'hardirq', table: '0 4 scripted disk0 0 0' });
    yield* this.fs.mount();
  }

  /** Loads a table, suspends with noflush and resumes. */
  *replaceTable(table: string): Kernel<number> {
    const { md } = this.device;
    const loaded = yield* dmTableLoad(md, table);
    if (loaded !== 0) report('assertion', '', `load gives ${errnoText(loaded)}`);
    yield* doSuspend(md, DM_SUSPEND_NOFLUSH_FLAG);
    return yield* doResume(md, DM_SUSPEND_NOFLUSH_FLAG);
  }
}
