/**
 * A suspender that suspends and resumes over and over, on an idle device or with submitters on another CPU.
 *
 * Under load each suspend begins with a bio in flight, which it has to wait for: a suspender that never looked up would be
 * done with ten cycles before the other CPU has come back from its sleep.
 */
import { BlockDevice } from '../../src/block/block-device.ts';
import { declareMedia } from '../../src/block/disk.ts';
import { doResume, doSuspend } from '../../src/core/ioctl.ts';
import { MappedDevice } from '../../src/core/mapped-device.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../../src/core/suspend.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import type { Program } from '../../src/machine/machine.ts';
import { ops } from '../../src/machine/operations.ts';
import { submitIo, waitIo } from '../../src/scenarios/user-io.ts';
import { memory, staticWords } from '../../src/shared/memory.ts';
import { nanoseconds } from '../measure.ts';
import { createLinear, SECTORS } from './linear.ts';

export interface SuspendsOrder {
  readonly program: 'suspends';
  /** Submitters on CPU 1, each with one bio under way. */
  readonly submitters: number;
  readonly noflush: boolean;
  readonly us: number;
}

/** How many durations are kept: the last ones. */
const DURATIONS = 1 << 15;
const HANDLE = 0;
const OVER = 1;
const CYCLES = 2;
const ELAPSED_US = 3;
const BIOS = 4;
const FIRST_DURATION = 5;

export const SUSPENDS_WORDS = SECTORS + FIRST_DURATION + DURATIONS;

/** Keeps one bio under way until the suspender is done. */
function* submitter(words: number): Kernel<void> {
  const w = memory.words;
  const bdev = BlockDevice.at(MappedDevice.at(w[words + HANDLE] as number).bdev);
  while (Atomics.load(w, words + OVER) === 0) {
    yield* waitIo(yield* submitIo(bdev, { sector: 0, size: 1, flags: 0, stamp: 0 }));
    Atomics.add(w, words + BIOS, 1);
  }
}

function* untilInFlight(md: MappedDevice): Kernel<void> {
  while ((yield* md.pending.read(HERE)) === 0) yield* ops.relax(HERE);
}

function* suspender(words: number, order: SuspendsOrder): Kernel<void> {
  const w = memory.words;
  const md = MappedDevice.at(w[words + HANDLE] as number);
  const flags = order.noflush ? DM_SUSPEND_NOFLUSH_FLAG : 0;
  const begin = nanoseconds();
  let cycles = 0;
  let end = begin;
  while (end - begin < order.us * 1000) {
    if (order.submitters > 0) yield* untilInFlight(md);
    const start = nanoseconds();
    const result = yield* doSuspend(md, flags);
    w[words + FIRST_DURATION + (cycles & (DURATIONS - 1))] = nanoseconds() - start;
    if (result !== 0) throw new Error(`suspend gives ${result}`);
    yield* doResume(md, 0);
    cycles++;
    end = nanoseconds();
  }
  w[words + CYCLES] = cycles;
  w[words + ELAPSED_US] = Math.round((end - begin) / 1000);
  Atomics.store(w, words + OVER, 1);
}

function counts(words: number): Record<string, number> {
  const w = memory.words;
  const cycles = w[words + CYCLES] as number;
  const first = words + FIRST_DURATION;
  const durations = w.slice(first, first + Math.min(cycles, DURATIONS)).sort();
  const quantile = (part: number): number => (durations[Math.floor(part * durations.length)] as number) / 1000;
  const perSecond = (count: number): number => (count * 1e6) / (w[words + ELAPSED_US] as number);
  return {
    rate: perSecond(cycles),
    bios: perSecond(w[words + BIOS] as number),
    p50: quantile(0.5),
    p99: quantile(0.99),
  };
}

export function suspends(order: SuspendsOrder): Program {
  const media = declareMedia(SECTORS);
  const words = staticWords(FIRST_DURATION + DURATIONS);
  const load = Array.from({ length: order.submitters }, (_, i): Program['actors'][number] => ({
    name: `submitter${i}`,
    cpu: 1,
    run: () => submitter(words),
  }));
  // The suspender keeps its CPU while it waits for a bio, so what dispatches one is elsewhere.
  const kdmflushCpu = order.submitters === 0 ? 0 : 1;
  return {
    *setup(): Kernel<void> {
      memory.words[words + HANDLE] = (yield* createLinear(0, 'hardirq', media, kdmflushCpu)).handle;
    },
    actors: [{ name: 'suspender', cpu: 0, run: () => suspender(words, order) }, ...load],
    counts: () => counts(words),
  };
}
