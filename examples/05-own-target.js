// A target of one's own, and a device that is suspended while it works.
//
// A target imports dmrace/device-mapper and nothing else. This one counts its writes; with `counts` as a marked word, the way
// the kernel's READ_ONCE and WRITE_ONCE do it, and without a lock, a count is lost when two CPUs write at the same time.
import { Device, defineScenario, doResume, doSuspend, explore, here, REQ_WRITE, submitIo, waitIo } from 'dmrace';
import {
  DM_MAPIO_REMAPPED,
  defineTarget,
  dmGetDevice,
  dmPutDevice,
  ops,
  resolved,
  staticWords,
} from 'dmrace/device-mapper';

let counted = 0;

defineTarget({
  name: 'counting',
  version: [1, 0, 0],
  *ctr(ti, argv) {
    if (argv.length !== 1) return 'Invalid argument count';
    return (yield* dmGetDevice(ti, argv[0])) ? null : 'Device lookup failed';
  },
  dtr: dmPutDevice,
  *map(ti, clone) {
    const count = yield* ops.load(counted, here());
    yield* ops.store(counted, count + 1, here());
    clone.bdev = ti.device;
    return DM_MAPIO_REMAPPED;
  },
  tableLine: () => resolved(''),
  statusLine: () => resolved(''),
});

const scenario = defineScenario('counting-target', ({ word }) => {
  const device = new Device();
  counted = staticWords(1);
  const total = word('total');
  const write = (sector) =>
    function* () {
      const io = yield* submitIo(device.bdev, { sector, size: 1, flags: REQ_WRITE, stamp: 7 });
      yield* waitIo(io);
    };
  return {
    setup: () => device.create({ mode: 'hardirq', table: '0 4 counting disk0' }),
    actors: [
      { name: 'writer0', run: write(0) },
      { name: 'writer1', run: write(1) },
      {
        name: 'suspender',
        *run() {
          yield* doSuspend(device.md, 0);
          yield* doResume(device.md, 0);
        },
      },
    ],
    *verify() {
      yield* total.write(yield* ops.load(counted, here()));
    },
    outcome: () => `${total.value} writes counted`,
  };
});

const { finding, outcomes } = await explore(scenario, { executions: 2000 });
console.log(`finding: ${finding === null ? 'none' : finding.message}`);
for (const outcome of [...outcomes.keys()].sort()) console.log(outcome);

// Prints:
//
//   finding: none
//   1 writes counted
//   2 writes counted
