// A device-mapper scenario of one's own: a write meets a noflush suspend, on the core as it is and with a historic bug in it.
//
// The oracles of dmrace listen: no bio may be lost, and none may fail because of a noflush suspend.
import {
  Device,
  DM_SUSPEND_NOFLUSH_FLAG,
  defineScenario,
  doResume,
  doSuspend,
  errnoText,
  explore,
  REQ_WRITE,
  submitIo,
  waitIo,
} from 'dmrace';

const scenario = defineScenario('write-and-suspend', ({ word }) => {
  const device = new Device();
  const [wrote, suspended] = [word('wrote'), word('suspended')];
  return {
    setup: () => device.create({ mode: 'hardirq', table: '0 4 linear disk0 0' }),
    actors: [
      function* writer() {
        const io = yield* submitIo(device.bdev, { sector: 0, size: 1, flags: REQ_WRITE, stamp: 7 });
        yield* wrote.write((yield* waitIo(io)).error);
      },
      function* suspender() {
        yield* suspended.write(yield* doSuspend(device.md, DM_SUSPEND_NOFLUSH_FLAG));
        yield* doResume(device.md, 0);
      },
    ],
    outcome: () => `write ${errnoText(wrote.value)}, suspend ${errnoText(suspended.value)}`,
  };
});

// A signal may come to who sleeps: the suspend is interrupted, and the write must still succeed.
const clean = await explore(scenario, { executions: 2000, budget: { signals: 1 } });
console.log(clean.finding === null ? 'nothing found' : clean.text);
for (const outcome of [...clean.outcomes.keys()].sort()) console.log(outcome);

const { text } = await explore(scenario, { executions: 2000, bug: 'nf-lockfs-under-noflush' });
console.log(`\n${text}`);

// Prints:
//
//   nothing found
//   write 0, suspend -EINTR
//   write 0, suspend 0
//
//   assertion (I33): dm0 is frozen in a noflush suspend: what it syncs may be pushed back
//     at lockFs (core/lock-fs.ts:24)
//
//   CPU  runs        at                                   holds              waits for
//   0    kdmflush/0  workerThread (irq/workqueue.ts:147)                     -
//   0    writer      start                                                   -
//   1    suspender   setNoflush (core/suspend.ts:113)     &md->suspend_lock  -
//
//   found in execution 1 of write-and-suspend, seed 1
