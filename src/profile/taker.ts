/**
 * Who takes a lock, and where, in one word: what the CPUs of a profile tell each other about locks.
 *
 *   bits 0 … 5     CPU + 1; 0 in a word that is 0: nobody yet
 *   bits 6 … 13    who runs there: a task or an interrupt, by the number that this CPU has given to its name
 *   bit  14        others may have the lock too: a reader
 *   bits 15 …      the place
 */
import type { Site } from '../machine/site.ts';

const NAME_SHIFT = 6;
const SHARED_SHIFT = 14;
const SITE_SHIFT = 15;
const RUNNER_MASK = (1 << SHARED_SHIFT) - 1;
const CPU_MASK = (1 << NAME_SHIFT) - 1;
/** Names of one CPU; number 0 is none. */
export const NAMES_MAX = (1 << (SHARED_SHIFT - NAME_SHIFT)) - 1;

/** The part of a taker that says who runs on a CPU. */
export const runnerOf = (cpu: number, name: number): number => (name << NAME_SHIFT) | (cpu + 1);

/** `exclusive`: 0 for readers, else 1. */
export const takerOf = (runner: number, site: Site, exclusive: number): number =>
  (site << SITE_SHIFT) | ((exclusive ^ 1) << SHARED_SHIFT) | runner;

export const isSameRunner = (a: number, b: number): boolean => ((a ^ b) & RUNNER_MASK) === 0;
/** −1: nobody took it yet. */
export const cpuOfTaker = (taker: number): number => (taker & CPU_MASK) - 1;
export const nameOfTaker = (taker: number): number => (taker >>> NAME_SHIFT) & NAMES_MAX;
export const siteOfTaker = (taker: number): number => taker >>> SITE_SHIFT;
export const isReader = (taker: number): boolean => (taker & (1 << SHARED_SHIFT)) !== 0;
