/**
 * What the profiler and the lock validator change on two CPUs: the same programs on a machine with them and on one without, turn by turn.
 */
import { makeProfileBuffers } from '../src/profile/layout.ts';
import type { ProgramOrder } from './boot.ts';
import { medianOf } from './measure.ts';
import { onMachine, type Run } from './real.ts';
import type { Row, Target } from './row.ts';
import { LOCKDEP_TARGET } from './solo-lockdep.ts';

/** Many short windows: on a host that is busy, most of the long ones are disturbed. */
const REPEATS = 31;
const WINDOW_US = 30_000;

interface Subject {
  readonly what: string;
  readonly run: ProgramOrder & { readonly cpus: number };
  readonly target: Target;
}

/** Who listens on the one machine and not on the other. */
type Listener = 'profiler' | 'validator';

const us = WINDOW_US;
const contenders = { program: 'contended', cpus: 2, us } as const;
const twoCpus = { program: 'bios', devices: 2, cpus: 2, us } as const;

const subjects = (uncontended: Target, hot: Target): Subject[] => [
  { what: 'bios, two CPUs, a device each', run: twoCpus, target: uncontended },
  { what: 'bios, two CPUs, one device, whose io_lock all read', run: { ...twoCpus, devices: 1 }, target: hot },
  {
    what: 'one hot rw_semaphore, two CPUs, one write in ten',
    run: { ...contenders, lock: 'rw_semaphore', readsOfTen: 9 },
    target: hot,
  },
  { what: 'one hot spinlock, two CPUs', run: { ...contenders, lock: 'spinlock', readsOfTen: 0 }, target: hot },
];

type Counts = Awaited<ReturnType<Run>>;

/** What the program counted on either machine, pair by pair. */
async function alternate({ run }: Subject, who: Listener): Promise<{ on: Counts[]; off: Counts[] }> {
  const buffers = makeProfileBuffers(run.cpus, { by: 'class', exact: false, trace: false, inject: null });
  const on: Counts[] = [];
  const off: Counts[] = [];
  await onMachine(run.cpus, (without) =>
    onMachine(
      run.cpus,
      async (heard) => {
        const order = { spinLock: 'tas', run } as const;
        const heardOrder = { ...order, lockdep: who === 'validator' };
        await without(order);
        await heard(heardOrder);
        for (let i = 0; i < REPEATS; i++) {
          off.push(await without(order));
          on.push(await heard(heardOrder));
        }
      },
      undefined,
      who === 'profiler' ? buffers : null,
    ),
  );
  return { on, off };
}

const rate = (counts: Counts): number => counts['rate'] as number;
/** Of all acquisitions of a spinlock, those that had to wait. */
const contended = (counts: Counts): number => (counts['contentions'] as number) / (counts['taken'] as number);

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

export const profiledRates = (): Promise<Row[]> => rates('profiler', subjects({ atLeast: 0.9 }, { atLeast: 0.75 }));
export const validatedRates = (): Promise<Row[]> => rates('validator', subjects(LOCKDEP_TARGET, LOCKDEP_TARGET));

async function rates(who: Listener, programs: readonly Subject[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const subject of programs) {
    const { on, off } = await alternate(subject, who);
    const competes = subject.run.program === 'contended';
    rows.push(ratios(subject.what, on.map(rate), off.map(rate), !competes, subject.target));
    if (competes && subject.run.lock === 'spinlock')
      rows.push(ratios(`${subject.what}: share that has to wait`, on.map(contended), off.map(contended), false));
  }
  return rows;
}
