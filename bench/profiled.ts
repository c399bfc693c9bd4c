/**
 * What the profiler changes on two CPUs: the same programs on a machine with it and on one without, turn by turn.
 */
import { makeProfileBuffers } from '../src/profile/layout.ts';
import type { ProgramOrder } from './boot.ts';
import { medianOf } from './measure.ts';
import { onMachine, type Run } from './real.ts';
import type { Row, Target } from './row.ts';

/** Many short windows: on a host that is busy, most of the long ones are disturbed. */
const REPEATS = 31;
const WINDOW_US = 30_000;

interface Subject {
  readonly what: string;
  readonly run: ProgramOrder & { readonly cpus: number };
  readonly target?: Target;
}

const us = WINDOW_US;
const lock = { program: 'contended', lock: 'spinlock', readsOfTen: 0, us } as const;
const twoCpus = { program: 'bios', devices: 2, cpus: 2, us } as const;

const SUBJECTS: readonly Subject[] = [
  { what: 'bios, two CPUs, a device each', run: twoCpus, target: { atLeast: 0.9 } },
  { what: 'one hot spinlock, two CPUs', run: { ...lock, cpus: 2 }, target: { atLeast: 0.75 } },
];

type Counts = Awaited<ReturnType<Run>>;

/** What the program counted on either machine, pair by pair. */
async function alternate({ run }: Subject): Promise<{ on: Counts[]; off: Counts[] }> {
  const buffers = makeProfileBuffers(run.cpus, { by: 'class', exact: false, trace: false, inject: null });
  const on: Counts[] = [];
  const off: Counts[] = [];
  await onMachine(run.cpus, (without) =>
    onMachine(
      run.cpus,
      async (profiled) => {
        const order = { spinLock: 'tas', run } as const;
        await without(order);
        await profiled(order);
        for (let i = 0; i < REPEATS; i++) {
          off.push(await without(order));
          on.push(await profiled(order));
        }
      },
      undefined,
      buffers,
    ),
  );
  return { on, off };
}

const rate = (counts: Counts): number => counts['rate'] as number;
/** Of all acquisitions, those that had to wait. */
const contended = (counts: Counts): number => (counts['contended'] as number) / (counts['taken'] as number);

/** `best`: undisturbed windows are the highest. Not so where CPUs compete: one that runs alone for a while is the fastest. */
function ratios(what: string, on: readonly number[], off: readonly number[], best: boolean, target?: Target): Row {
  const median = medianOf(on) / medianOf(off);
  return {
    what,
    measured: best ? Math.max(...on) / Math.max(...off) : median,
    median,
    unit: 'with ÷ without',
    ...(target === undefined ? {} : { target }),
  };
}

export async function profiledRates(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const subject of SUBJECTS) {
    const { on, off } = await alternate(subject);
    const competes = subject.run.program === 'contended';
    rows.push(ratios(subject.what, on.map(rate), off.map(rate), !competes, subject.target));
    if (competes)
      rows.push(ratios(`${subject.what}: share that has to wait`, on.map(contended), off.map(contended), false));
  }
  return rows;
}
