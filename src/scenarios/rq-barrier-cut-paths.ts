/**
 * Writers and barriers over a multipath for requests, whose path fails and returns, noflush suspends, and a power cut at any moment.
 *
 * Without a path I/O fails, unless a suspend takes it back: so all ends, also after the cut, and what has failed promises nothing.
 */
import { doResume, doSuspend } from '../core/ioctl.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../core/suspend.ts';
import { dmTargetMessage } from '../core/target-message.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Program } from '../machine/machine.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { PER_WRITER, someMoment, WRITERS, writersAndCut } from './barrier-cut.ts';
import { DurabilityLog, durabilityWords } from './durability.ts';
import { NO_REQUESTS, REQUEST_DEVICE_WORDS, RequestDevice, requestSlots } from './request-device.ts';
import type { Scenario } from './scenario.ts';

const SUSPENDS = 2;

function build(): Program {
  const device = new RequestDevice();
  const log = new DurabilityLog(WRITERS * PER_WRITER, true);
  const suspends = staticWords(1);
  const broken = staticWords(1);
  const cut = writersAndCut(device, log);
  const tell = (text: string): Kernel<number> => dmTargetMessage(device.md, 0, text);
  return {
    ...cut,
    setup: () => device.create({ table: '0 4 multipath 0 0 1 1 round-robin 0 1 1 disk0 1' }),
    actors: [
      ...cut.actors,
      {
        name: 'administrator',
        cpu: WRITERS + 1,
        *run(): Kernel<void> {
          for (let i = 0; i < SUSPENDS; i++) {
            yield* someMoment(log);
            if ((yield* doSuspend(device.md, DM_SUSPEND_NOFLUSH_FLAG)) === 0) (memory.words[suspends] as number)++;
            yield* tell('reinstate_path disk0');
            yield* doResume(device.md, 0);
          }
        },
      },
      {
        name: 'faults',
        cpu: WRITERS + 2,
        *run(): Kernel<void> {
          yield* someMoment(log);
          yield* tell('fail_path disk0');
          (memory.words[broken] as number)++;
        },
      },
    ],
    counts: () => ({
      ...cut.counts(),
      'suspends.done': memory.words[suspends] as number,
      'paths.broken': memory.words[broken] as number,
    }),
  };
}

export const rqBarrierCutPaths: Scenario = {
  name: 'rq-barrier-cut-paths',
  title: 'writers, barriers, a path that fails, noflush suspends and a power cut on a multipath for requests',
  // Who waits for a moment keeps its CPU.
  cpus: WRITERS + 3,
  slots: requestSlots(2),
  staticWords: REQUEST_DEVICE_WORDS + durabilityWords(WRITERS * PER_WRITER) + 2,
  notIn: NO_REQUESTS,
  build,
};
