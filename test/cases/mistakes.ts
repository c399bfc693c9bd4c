/**
 * Mistakes in the core for cases to notice. They are no bugs of any kernel, so they have no place in src/variants.
 */
import { type Bio, bioEndio } from '../../src/block/bio.ts';
import type { DmIo } from '../../src/core/dm-io.ts';
import type { DmTable } from '../../src/core/dm-table.ts';
import { appendPushback } from '../../src/core/end-io.ts';
import { DMF_NOFLUSH_SUSPENDING, type MappedDevice } from '../../src/core/mapped-device.ts';
import type { Seams } from '../../src/core/seams.ts';
import { splitAndProcess } from '../../src/core/submit.ts';
import { presuspend } from '../../src/core/suspend.ts';
import { EIO } from '../../src/machine/errno.ts';
import { type Kernel, resolved } from '../../src/machine/kernel.ts';
import { downRead, upRead } from '../../src/shared/rw-semaphore.ts';
import { spinLockIrqsave, spinUnlockIrqrestore } from '../../src/shared/spinlock.ts';

/** A rule for io.error, applied under endio_lock: what is kept of an error that was stored before and one that comes now. */
function keeping(rule: (stored: number, error: number) => number): Partial<Seams> {
  return {
    *storeError(io: DmIo, error: number): Kernel<void> {
      const saved = yield* spinLockIrqsave(io.endioLock, HERE);
      io.error = rule(io.error, error);
      yield* spinUnlockIrqrestore(io.endioLock, saved, HERE);
    },
  };
}

export const firstErrorCounts = keeping((stored, error) => (stored === 0 ? error : stored));
export const lastErrorCounts = keeping((_stored, error) => error);
/** A REQUEUE is kept although no noflush suspend is under way. */
export const requeueAlwaysCounts = keeping((stored, error) => (stored > 0 ? stored : error));
export const errorsForgotten = keeping(() => 0);

/** All I/O fails before a target hears of it. */
export const failedAtGate: Partial<Seams> = {
  gate: (_md: MappedDevice, bio: Bio): Kernel<void> => bioEndio(bio, -EIO),
};

/** A suspended device maps what comes. */
export const gateOpen: Partial<Seams> = {
  *gate(md: MappedDevice, bio: Bio): Kernel<void> {
    yield* downRead(md.ioLock, HERE);
    yield* splitAndProcess(md, bio);
    yield* upRead(md.ioLock, HERE);
  },
};

/** A suspend does not tell the targets that it begins. */
export const targetsUntold: Partial<Seams> = { presuspend: () => resolved(undefined) };

/** Each suspend takes I/O back, or none does. */
export const alwaysNoflush: Partial<Seams> = {
  presuspend: (md: MappedDevice, table: DmTable | null): Kernel<void> => presuspend(md, table, true),
};
export const neverNoflush: Partial<Seams> = {
  presuspend: (md: MappedDevice, table: DmTable | null): Kernel<void> => presuspend(md, table, false),
};

/** What a target hands back is parked, whether a noflush suspend is under way or not. */
export const alwaysParked: Partial<Seams> = {
  *parkPushback(md: MappedDevice, io: DmIo): Kernel<void> {
    const saved = yield* spinLockIrqsave(md.pushbackLock, HERE);
    appendPushback(md, io);
    yield* spinUnlockIrqrestore(md.pushbackLock, saved, HERE);
  },
};

/** The end of a noflush suspend clears NOFLUSH and leaves the list as it is. */
export const neverMerged: Partial<Seams> = {
  *mergePushback(md: MappedDevice): Kernel<void> {
    yield* md.flags.clear(DMF_NOFLUSH_SUSPENDING, HERE);
  },
};

/** A bug whose window, from the targets' presuspend to the flag, is a few operations long. */
export const flagTooLate = {
  bugs: ['nf-flag-after-presuspend'],
  slow: { file: 'src/core/suspend.ts', func: 'setNoflush' },
};
