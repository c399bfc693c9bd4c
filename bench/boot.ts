/**
 * What the CPUs of a benchmark's real machine boot: one of the programs here, without oracles.
 */
// Every thread must know the same structs, and the main thread knows those of all scenarios.
import '../src/scenarios/registry.ts';
import type { Bootable } from '../src/actors/boot-module.ts';
import { bindListeners } from '../src/machine/events.ts';
import type { Program } from '../src/machine/machine.ts';
import { startProfiledRound, traceListeners } from '../src/profile/session.ts';
import { Lockdep } from '../src/shared/lockdep/lockdep.ts';
import { bindSpinLocks, tasSpinLock, ticketSpinLock } from '../src/shared/spinlock.ts';
import { installVariant } from '../src/variants/variants.ts';
import { type BiosOrder, bios, biosWords } from './programs/bios.ts';
import { type ContendedOrder, contended, contendedWords } from './programs/contended.ts';
import { REQUESTS_SLOTS, REQUESTS_WORDS, type RequestsOrder, requests } from './programs/requests.ts';
import { SUSPENDS_WORDS, type SuspendsOrder, suspends } from './programs/suspends.ts';

export type ProgramOrder = ContendedOrder | BiosOrder | RequestsOrder | SuspendsOrder;

export { attach } from '../src/cli/boot.ts';

export interface BenchOrder {
  readonly spinLock: 'tas' | 'ticket';
  readonly run: ProgramOrder;
  /** The lock validator listens. */
  readonly lockdep?: boolean;
}

/** This thread's. */
const validator = new Lockdep({ throws: false });

interface Plan {
  readonly staticWords: number;
  readonly slots?: Readonly<Record<string, number>>;
  readonly build: () => Program;
}

function plan(run: ProgramOrder): Plan {
  switch (run.program) {
    case 'contended':
      return { staticWords: contendedWords(run.cpus), build: () => contended(run) };
    case 'bios':
      return { staticWords: biosWords(run), build: () => bios(run) };
    case 'requests':
      return { staticWords: REQUESTS_WORDS, slots: REQUESTS_SLOTS, build: () => requests(run) };
    case 'suspends':
      return { staticWords: SUSPENDS_WORDS, build: () => suspends(run) };
  }
}

export function prepare(order: unknown): Bootable {
  const { spinLock, run, lockdep = false } = order as BenchOrder;
  const { staticWords, slots = {}, build } = plan(run);
  return {
    slots,
    staticWords,
    build() {
      bindListeners([...traceListeners(), ...(lockdep ? [validator.hear] : [])]);
      if (lockdep) validator.attach();
      bindSpinLocks(spinLock === 'ticket' ? ticketSpinLock : tasSpinLock);
      installVariant({ preset: 'unified', bug: null });
      const program = build();
      startProfiledRound();
      return program;
    },
  };
}
