/**
 * Rounds on the real machine, threads and all.
 */
import { availableParallelism, tmpdir } from 'node:os';
import { RealMachine } from '../src/actors/machine.ts';
import type { BenchOrder } from './boot.ts';

type Counts = Readonly<Record<string, number>>;
export type Run = (boot: unknown) => Promise<Counts>;

const BENCH_BOOT = new URL('./boot.js', import.meta.url).href;

/**
 * Starts a machine with so many CPUs, lets `work` run rounds on it, and stops it. A round gives what its program counted, and the
 * machine's `contentions`. `attachment`: see BootModule.attach.
 */
export async function onMachine<T>(
  cpus: number,
  work: (run: Run) => Promise<T>,
  bootModule = BENCH_BOOT,
  attachment: unknown = null,
): Promise<T> {
  const log = { level: 'silent', folder: tmpdir() };
  const machine = await RealMachine.start({ cpus, bootModule, cores: availableParallelism(), log, attachment });
  try {
    return await work(async (boot) => {
      const { finding, counts, contentions } = await machine.run({ boot, cpus, noise: 'none', seed: 1, delay: null });
      if (finding !== null) throw new Error(`${finding.kind}: ${finding.message}`);
      return { ...counts, contentions };
    });
  } finally {
    await machine.stop();
  }
}

/** Runs a program of bench/programs several times, after once for warming up; gives what each run counted. */
export async function repeat(run: Run, times: number, order: BenchOrder): Promise<Counts[]> {
  await run(order);
  const all: Counts[] = [];
  for (let i = 0; i < times; i++) all.push(await run(order));
  return all;
}

/** One count of each run. */
export function valuesOf(counts: readonly Counts[], name: string): number[] {
  return counts.map((each) => each[name] as number);
}
