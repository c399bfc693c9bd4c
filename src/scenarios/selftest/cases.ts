/**
 * The cases of the self-test: each use of locks for each kind of lock, as scenarios `selftest/ROW.KIND`.
 *
 * In the manner of the kernel's lib/locking-selftest.c: every wrong use must be reported, and no right one.
 */
import { raiseIrq, requestIrq } from '../../irq/interrupt.ts';
import { openSoftirq, raiseSoftirq } from '../../irq/softirq.ts';
import { usleep } from '../../irq/timer.ts';
import {
  createSinglethreadWorkqueue,
  defineWorker,
  destroyWorkqueue,
  flushWorkqueue,
  initWork,
  queueWork,
  Work,
  Workqueue,
  workFunctions,
} from '../../irq/workqueue.ts';
import type { FindingKind } from '../../machine/finding.ts';
import type { Kernel } from '../../machine/kernel.ts';
import type { Program } from '../../machine/machine.ts';
import { declareCompletion } from '../../shared/completion.ts';
import { memory, staticWords } from '../../shared/memory.ts';
import { cpu } from '../../shared/per-cpu.ts';
import { Marked } from '../../shared/word.ts';
import { until } from '../litmus/litmus.ts';
import type { Scenario } from '../scenario.ts';
import { irqUses } from './irq-uses.ts';
import { type HeldKind, heldKinds } from './lock-kinds.ts';
import { orderUses } from './order-uses.ts';
import { type Bench, nothing, type Use } from './use.ts';
import { waitUses } from './wait-uses.ts';

export interface SelftestCase {
  readonly use: string;
  readonly kind: string;
  readonly spinLocks: HeldKind['spinLocks'];
  /** What must be found; null: nothing. */
  readonly expected: FindingKind | null;
  readonly scenario: Scenario;
}

/** A line and a softirq that nobody else has. */
const LINE_SELFTEST = 5;
const SOFTIRQ_SELFTEST = 5;
const WORKER = defineWorker('kselftestd');
const STATIC_WORDS = 96;
const SLEEP_US = 100;

let bodyOfItem: () => Kernel<void> = nothing;
const ITEM = workFunctions.define('selftest-item', () => bodyOfItem());

const isSet = (value: number): boolean => value !== 0;

class Workplace implements Bench {
  readonly completion = declareCompletion('&done');
  readonly #kind: HeldKind;
  readonly #handled = new Marked(staticWords(1));
  readonly #begin = new Marked(staticWords(1));
  /** Handles of the work queue and its item, 0 until they are needed. */
  readonly #queueWord = staticWords(1);
  readonly #workWord = staticWords(1);
  #task: () => Kernel<void> = nothing;
  #before: (() => Kernel<void>) | null = null;
  #hardirq: () => Kernel<void> = nothing;
  #softirq: () => Kernel<void> = nothing;

  constructor(kind: HeldKind) {
    this.#kind = kind;
    bodyOfItem = nothing;
    const place = this;
    requestIrq(LINE_SELFTEST, 'selftest', function* handler(): Kernel<void> {
      yield* place.#hardirq();
      yield* raiseSoftirq(SOFTIRQ_SELFTEST, HERE);
    });
    openSoftirq(SOFTIRQ_SELFTEST, function* action(): Kernel<void> {
      yield* place.#softirq();
      yield* place.#handled.write(1, HERE);
    });
  }

  // Uses pick what they need, so these must know whose they are.
  readonly lock: Bench['lock'] = (name) => this.#kind.declare(`&${name}`);
  readonly spin: Bench['spin'] = (name) => (heldKinds[0] as HeldKind).declare(`&${name}`);
  readonly task: Bench['task'] = (body) => {
    this.#task = body;
  };
  readonly before: Bench['before'] = (body) => {
    this.#before = body;
  };
  readonly hardirq: Bench['hardirq'] = (body) => {
    this.#hardirq = body;
  };
  readonly softirq: Bench['softirq'] = (body) => {
    this.#softirq = body;
  };
  readonly item: Bench['item'] = (body) => {
    bodyOfItem = body;
  };
  readonly sleep: Bench['sleep'] = () => usleep(SLEEP_US, HERE);
  readonly queue: Bench['queue'] = () => this.#queueItem();
  readonly flush: Bench['flush'] = () => flushWorkqueue(Workqueue.at(memory.words[this.#queueWord] as number), HERE);

  *interrupt(): Kernel<void> {
    yield* this.#handled.write(0, HERE);
    yield* raiseIrq(cpu, LINE_SELFTEST, HERE);
    yield* until(this.#handled, isSet);
  }

  *#queueItem(): Kernel<void> {
    const w = memory.words;
    const wq = createSinglethreadWorkqueue(WORKER, 1) as Workqueue;
    w[this.#queueWord] = wq.handle;
    const work = initWork(ITEM, 0);
    w[this.#workWord] = work.handle;
    yield* queueWork(wq, work, HERE);
  }

  *#clear(): Kernel<void> {
    const w = memory.words;
    if (w[this.#queueWord] === 0) return;
    yield* destroyWorkqueue(Workqueue.at(w[this.#queueWord] as number), HERE);
    Work.free(Work.at(w[this.#workWord] as number));
  }

  program(): Program {
    const place = this;
    const before = this.#before;
    return {
      actors: [
        {
          name: 'task',
          cpu: 0,
          *run(): Kernel<void> {
            if (before !== null) yield* until(place.#begin, isSet);
            yield* place.#task();
          },
        },
        {
          name: 'other',
          cpu: 1,
          *run(): Kernel<void> {
            if (before === null) return;
            yield* before();
            yield* place.#begin.write(1, HERE);
          },
        },
      ],
      verify: () => place.#clear(),
    };
  }
}

function caseOf(use: Use, row: number, kind: HeldKind): SelftestCase[] {
  const verdict = use.verdict(kind);
  if (verdict === null) return [];
  const scenario: Scenario = {
    name: `selftest/${row}.${kind.name}`,
    title: `${kind.name}: ${use.name}`,
    cpus: 2,
    staticWords: STATIC_WORDS,
    build() {
      const place = new Workplace(kind);
      use.build(place);
      return place.program();
    },
  };
  const { name, spinLocks } = kind;
  return [{ use: use.name, kind: name, spinLocks, expected: verdict === 'right' ? null : verdict, scenario }];
}

/** Rows in the order in which they are printed, and in each the kinds of lock that can be used so. */
export const selftestCases: readonly SelftestCase[] = [...orderUses, ...irqUses, ...waitUses].flatMap((use, row) =>
  heldKinds.flatMap((kind) => caseOf(use, row, kind)),
);

export const selftestKinds: readonly string[] = heldKinds.map(({ name }) => name);

/** What must be reported wherever anything is: two locks in both orders. */
export const crosswiseCase = selftestCases.find(
  ({ use, kind }) => use === 'A-B-B-A' && kind === 'spin',
) as SelftestCase;

export function findSelftest(name: string): Scenario | undefined {
  return selftestCases.find(({ scenario }) => scenario.name === name)?.scenario;
}
