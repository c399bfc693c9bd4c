/**
 * What the profiler costs: the same programs on a machine with it and on one without, turn by turn.
 */
import { collect } from '../src/profile/collect.ts';
import { makeProfileBuffers, type ProfileBuffers, type ProfileSettings } from '../src/profile/layout.ts';
import { lockNames } from '../src/profile/session.ts';
import type { BenchOrder, ProgramOrder } from './boot.ts';
import { medianOf } from './measure.ts';
import { onMachine, type Run } from './real.ts';
import type { Row, Target } from './row.ts';

const REPEATS = 9;
const WINDOW_US = 150_000;

interface Subject {
  readonly what: string;
  readonly cpus: number;
  readonly run: ProgramOrder;
  readonly settings: Pick<ProfileSettings, 'exact' | 'trace'>;
  readonly target?: Target;
}

const COUNTS = { exact: false, trace: false } as const;
const TRACE = { exact: false, trace: true } as const;
const EXACT = { exact: true, trace: false } as const;
const us = WINDOW_US;
const lock = { program: 'contended', lock: 'spinlock', readsOfTen: 0, us } as const;
const bios = { program: 'bios', devices: 1, us } as const;

const SUBJECTS: readonly Subject[] = [
  { what: 'bios, one CPU', cpus: 1, run: { ...bios, cpus: 1 }, settings: COUNTS, target: { atLeast: 0.9 } },
  {
    what: 'bios, two CPUs, a device each',
    cpus: 2,
    run: { ...bios, cpus: 2, devices: 2 },
    settings: COUNTS,
    target: { atLeast: 0.9 },
  },
  { what: 'nothing but a spinlock, one CPU', cpus: 1, run: { ...lock, cpus: 1 }, settings: COUNTS },
  {
    what: 'one hot spinlock, two CPUs',
    cpus: 2,
    run: { ...lock, cpus: 2 },
    settings: COUNTS,
    target: { atLeast: 0.75 },
  },
  { what: 'bios, one CPU, --trace', cpus: 1, run: { ...bios, cpus: 1 }, settings: TRACE, target: { atLeast: 0.6 } },
  { what: 'bios, one CPU, --exact', cpus: 1, run: { ...bios, cpus: 1 }, settings: EXACT },
];

/** A machine with the profiler. */
function onProfiled<T>(cpus: number, buffers: ProfileBuffers, work: (run: Run) => Promise<T>): Promise<T> {
  return onMachine(cpus, work, undefined, buffers);
}

async function rates(
  { cpus, run, settings }: Subject,
  buffers: ProfileBuffers,
): Promise<{ on: number[]; off: number[] }> {
  const order: BenchOrder = { spinLock: 'tas', run };
  const on: number[] = [];
  const off: number[] = [];
  const rate = async (round: Run): Promise<number> => (await round(order))['rate'] as number;
  // The machine without is started last: the main thread names locks for the last one that was started with a profile.
  await onMachine(cpus, (without) =>
    onProfiled(cpus, buffers, async (profiled) => {
      await rate(without);
      await rate(profiled);
      for (let i = 0; i < REPEATS; i++) {
        off.push(await rate(without));
        on.push(await rate(profiled));
      }
    }),
  );
  void settings;
  return { on, off };
}

export async function profiledRates(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const subject of SUBJECTS) {
    const buffers = makeProfileBuffers(subject.cpus, { by: 'class', inject: null, ...subject.settings });
    const { on, off } = await rates(subject, buffers);
    rows.push({
      what: subject.what,
      measured: Math.max(...on) / Math.max(...off),
      median: medianOf(on.map((rate, i) => rate / (off[i] as number))),
      unit: 'of the rate without',
      ...(subject.target === undefined ? {} : { target: subject.target }),
    });
    void collect(buffers, lockNames(), 0);
  }
  return rows;
}
