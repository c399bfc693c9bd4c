/**
 * The lock validator: it hears which locks are taken in which contexts, and says what could go wrong with them although it has not.
 *
 * Models lockdep (kernel/locking/lockdep.c) as far as the locks here go. Held locks are kept for each task, and for the softirqs and
 * the hard interrupts of each CPU. What is learned, in what order classes are taken and in what contexts, outlives a run; so two
 * orders that are never taken in the same run are noticed too.
 *
 * A validator belongs to one thread and is no kernel state: it is never read by what it watches. On the model machine it hears all
 * CPUs and throws a finding at the event that completes a conflict. On threads each CPU has one that only learns, and somebody who
 * gets the facts of all joins them in one LockGraph.
 *
 * Two kinds of waiting stand in the graph beside locks:
 *   (wq_completion)Q   is held by the worker while it runs an item, and taken by who flushes the queue
 *   (complete)C        is taken by who waits for C. Who completes C has taken some locks on the way, since it last waited itself:
 *                      they come after (complete)C, because without them it would never come
 */
import {
  EV_BIO_SUBMIT,
  EV_COMPLETE,
  EV_FLUSH,
  EV_IRQ_ENTER,
  EV_IRQS_ON,
  EV_LOCK_ACQUIRED,
  EV_LOCK_NESTED,
  EV_LOCK_RELEASE,
  EV_SOFTIRQ_ENTER,
  EV_TASK_END,
  EV_WAIT,
  EV_WORK_BEGIN,
  EV_WORK_END,
  type Listener,
  LOCK_TRIED,
} from '../../machine/events.ts';
import { KernelFinding } from '../../machine/finding.ts';
import { type Site, siteText } from '../../machine/site.ts';
import { memory } from '../memory.ts';
import { cpu, cpuBase } from '../per-cpu.ts';
import { CPU_CURRENT, CPU_HARDIRQ_DEPTH, CPU_IRQS_OFF, CPU_SOFTIRQ_DEPTH } from '../per-cpu-layout.ts';
import { Task, taskName } from '../task.ts';
import { HeldLocks, LOCK_DEPTH_MAX } from './held-locks.ts';
import { LockClasses, NOT_FOLLOWED } from './lock-classes.ts';
import {
  HARDIRQ_ON,
  type HeldLock,
  IN_HARDIRQ,
  IN_SOFTIRQ,
  type LockFact,
  type LockUse,
  type OrderFact,
  SOFTIRQ_ON,
  type UseFact,
} from './lock-facts.ts';
import { LockGraph } from './lock-graph.ts';
import { type LockReport, lockReport } from './lock-report.ts';

/** A taker's uses, as bits: 1 << LockUse, and the same USE_BITS higher for recursive readers. */
const USE_BITS = 4;
const IN_HARDIRQ_BIT = 1 << IN_HARDIRQ;
const IN_SOFTIRQ_BIT = 1 << IN_SOFTIRQ;
const HARDIRQ_ON_BIT = 1 << HARDIRQ_ON;
const BOTH_ON_BITS = HARDIRQ_ON_BIT | (1 << SOFTIRQ_ON);

/** An edge is known by the kinds of hold and of wish: 1 << (held shared ? 2 : 0 | wanted by a recursive reader ? 1 : 0). */
const HELD_SHARED = 2;
const WANTED_RECURSIVELY = 1;

const FIRST_CLASSES = 64;

export interface LockdepOptions {
  /** Whether a conflict is thrown where it appears, or only learned. */
  readonly throws: boolean;
}

export class Lockdep {
  readonly graph = new LockGraph();
  /** The report of the last conflict that was thrown; null when the run has none. */
  report: LockReport | null = null;
  /** Number of the run or round. */
  run = 0;
  /** Facts of this run that were new. */
  fresh: LockFact[] = [];
  readonly #throws: boolean;
  readonly #classes = new LockClasses();
  /** The square of classes, `room` in a row: bits of the edges that are known. */
  #room = FIRST_CLASSES;
  #edges = new Uint8Array(FIRST_CLASSES * FIRST_CLASSES);
  #uses = new Uint8Array(FIRST_CLASSES);
  readonly #tasks = new Map<number, HeldLocks>();
  readonly #hardirqs: HeldLocks[] = [];
  readonly #softirqs: HeldLocks[] = [];
  /** By CPU: the task that ran there last. */
  readonly #lastTask: number[] = [];
  readonly #lastHeld: HeldLocks[] = [];
  readonly #spare: HeldLocks[] = [];

  constructor({ throws }: LockdepOptions) {
    this.#throws = throws;
  }

  /** Another memory is bound: words mean something else. What was learned stays. */
  attach(): void {
    this.#classes.attach();
    this.begin(this.run);
  }

  /** Nobody holds anything: the run, or round, of this number begins. */
  begin(run: number): void {
    this.report = null;
    this.run = run;
    this.fresh = [];
    for (const held of this.#tasks.values()) this.#spare.push(held);
    this.#tasks.clear();
    for (const held of this.#hardirqs) held?.clear();
    for (const held of this.#softirqs) held?.clear();
    this.#lastTask.fill(-1);
  }

  /** Forgets what was learned. */
  forget(): void {
    this.graph.clear();
    this.#edges.fill(0);
    this.#uses.fill(0);
  }

  /** Knows these facts from now on, as if it had seen them. */
  learn(facts: readonly LockFact[]): void {
    for (const fact of facts) this.graph.add(fact);
  }

  /** Hears a machine; see src/machine/events.ts. */
  readonly hear: Listener = (kind, a, b, site) => {
    if (kind === EV_LOCK_ACQUIRED) this.#acquired(a, b, site);
    else if (kind === EV_LOCK_RELEASE) this.#held().drop(a);
    else if (kind === EV_IRQS_ON) this.#irqsOn(site);
    else if (kind < EV_BIO_SUBMIT) this.#hearOther(kind, a, b, site);
  };

  #hearOther(kind: number, a: number, b: number, site: Site): void {
    switch (kind) {
      case EV_LOCK_NESTED: {
        const held = this.#held();
        held.nestedWord = a;
        held.subclass = b;
        return;
      }
      case EV_IRQ_ENTER:
      case EV_SOFTIRQ_ENTER:
        this.#held().takenCount = 0;
        return;
      case EV_WAIT:
        if (a === 0) this.#held().takenCount = 0;
        else this.#waitsFor(this.#classes.completion(a), site);
        return;
      case EV_COMPLETE:
        this.#completes(a, site);
        return;
      case EV_FLUSH:
        this.#waitsFor(this.#classes.workqueue(b), site);
        return;
      case EV_WORK_BEGIN:
        this.#workBegins(b, site);
        return;
      case EV_WORK_END:
        this.#workEnds(b, site);
        return;
      case EV_TASK_END:
        this.#taskEnds(a);
        return;
    }
  }

  // ---- Contexts. ----

  /** What the running context holds. */
  #held(): HeldLocks {
    const w = memory.words;
    if (w[cpuBase + CPU_HARDIRQ_DEPTH] !== 0) return this.#ofCpu(this.#hardirqs, 'hardirq');
    if (w[cpuBase + CPU_SOFTIRQ_DEPTH] !== 0) return this.#ofCpu(this.#softirqs, 'softirq');
    const task = w[cpuBase + CPU_CURRENT] as number;
    return this.#lastTask[cpu] === task ? (this.#lastHeld[cpu] as HeldLocks) : this.#switchTo(task);
  }

  #ofCpu(all: HeldLocks[], what: string): HeldLocks {
    let held = all[cpu];
    if (held === undefined) {
      held = new HeldLocks();
      held.name = `${what} on CPU ${cpu}`;
      all[cpu] = held;
    }
    return held;
  }

  #switchTo(task: number): HeldLocks {
    let held = this.#tasks.get(task);
    if (held === undefined) {
      held = this.#spare.pop() ?? new HeldLocks();
      held.clear();
      held.name = '';
      held.task = task;
      this.#tasks.set(task, held);
    }
    this.#lastTask[cpu] = task;
    this.#lastHeld[cpu] = held;
    return held;
  }

  /** Who it is; asked while the task is there. */
  #nameOf(held: HeldLocks): string {
    if (held.name === '') held.name = held.task === 0 ? `CPU ${cpu}` : taskName(Task.at(held.task));
    return held.name;
  }

  #taskEnds(task: number): void {
    const held = this.#tasks.get(task);
    this.#lastTask[cpu] = -1;
    if (held === undefined) return;
    if (held.count > 0) this.#stillHeld(held, 0, 'ends', 0);
    this.#tasks.delete(task);
    this.#spare.push(held);
  }

  /** Held locks above `from`, the innermost first. */
  #stillHeld(held: HeldLocks, from: number, how: string, site: Site): never {
    const list = this.#list(held).slice(from);
    const names = list.map(({ lock, site: since }) => `${lock} (taken at ${siteText(since)})`).join(' and ');
    const text = `${this.#nameOf(held)} ${how} with ${list.length === 1 ? 'a lock' : 'locks'} still held`;
    const lines = [
      `WARNING: ${text}`,
      ...list.map(({ lock, site: since }, i) => ` #${i}: (${lock}), at: ${siteText(since)}`),
    ];
    throw new KernelFinding('leak', 'I18', `${text}: ${names}`, site, lines);
  }

  #list({ count, classes, shared, sites }: HeldLocks): HeldLock[] {
    return Array.from({ length: count }, (_, i) => ({
      lock: this.#classes.nameOf(classes[i] as number),
      shared: shared[i] === 1,
      site: sites[i] as number,
    }));
  }

  // ---- Locks. ----

  #acquired(word: number, how: number, site: Site): void {
    let lockClass = this.#classes.of(word);
    if (lockClass === NOT_FOLLOWED) return;
    const held = this.#held();
    if (held.nestedWord === word) {
      lockClass = this.#classes.subclass(lockClass, held.subclass);
      held.nestedWord = 0;
    }
    if (lockClass >= this.#room) this.#grow();
    const shared = (how & 1) === 0;
    const recursive = shared && this.#classes.readsRecursively(lockClass);
    this.#used(held, lockClass, shared, recursive, site);
    // Who only tries waits for nobody.
    if ((how & LOCK_TRIED) === 0) this.#follows(held, lockClass, shared, recursive, site);
    this.#push(held, word, lockClass, shared, site);
  }

  #push(held: HeldLocks, word: number, lockClass: number, shared: boolean, site: Site): void {
    if (held.count === LOCK_DEPTH_MAX)
      throw new KernelFinding(
        'assertion',
        'I16',
        `${this.#nameOf(held)} holds more than ${LOCK_DEPTH_MAX} locks`,
        site,
      );
    held.push(word, lockClass, shared, site);
  }

  #grow(): void {
    const room = 2 * this.#room;
    const edges = new Uint8Array(room * room);
    for (let row = 0; row < this.#room; row++)
      edges.set(this.#edges.subarray(row * this.#room, (row + 1) * this.#room), row * room);
    const uses = new Uint8Array(room);
    uses.set(this.#uses);
    this.#edges = edges;
    this.#uses = uses;
    this.#room = room;
  }

  /** In what context a lock is taken. */
  #used(held: HeldLocks, lockClass: number, shared: boolean, recursive: boolean, site: Site): void {
    const w = memory.words;
    let bits = 0;
    if (w[cpuBase + CPU_HARDIRQ_DEPTH] !== 0) bits = IN_HARDIRQ_BIT;
    else if (w[cpuBase + CPU_SOFTIRQ_DEPTH] !== 0)
      bits = w[cpuBase + CPU_IRQS_OFF] === 0 ? IN_SOFTIRQ_BIT | HARDIRQ_ON_BIT : IN_SOFTIRQ_BIT;
    else if (w[cpuBase + CPU_IRQS_OFF] === 0) bits = BOTH_ON_BITS;
    this.#usedSo(held, lockClass, shared, recursive, bits, site);
  }

  #usedSo(held: HeldLocks, lockClass: number, shared: boolean, recursive: boolean, uses: number, site: Site): void {
    const bits = recursive ? uses << USE_BITS : uses;
    const fresh = bits & ~(this.#uses[lockClass] as number);
    if (fresh !== 0) this.#learnUses(held, lockClass, shared, recursive, fresh, site);
  }

  #learnUses(held: HeldLocks, lockClass: number, shared: boolean, recursive: boolean, fresh: number, site: Site): void {
    this.#uses[lockClass] = (this.#uses[lockClass] as number) | fresh;
    const lock = this.#classes.nameOf(lockClass);
    const uses = recursive ? fresh >> USE_BITS : fresh;
    const common = { lock, shared, recursive, site, who: this.#nameOf(held), holding: this.#list(held), run: this.run };
    for (let use = 0; use < USE_BITS; use++)
      if ((uses & (1 << use)) !== 0) this.#learned({ fact: 'use', use: use as LockUse, ...common } satisfies UseFact);
  }

  /** A class comes after all that is held. */
  #follows(held: HeldLocks, lockClass: number, shared: boolean, recursive: boolean, site: Site): void {
    const { classes, shared: sharing } = held;
    for (let i = held.count - 1; i >= 0; i--) {
      const edge = (classes[i] as number) * this.#room + lockClass;
      const bit = 1 << ((sharing[i] === 1 ? HELD_SHARED : 0) | (recursive ? WANTED_RECURSIVELY : 0));
      if (((this.#edges[edge] as number) & bit) !== 0) continue;
      this.#edges[edge] = (this.#edges[edge] as number) | bit;
      const holding = this.#list(held);
      const lock = this.#classes.nameOf(lockClass);
      const common = { lock, shared, recursive, site, who: this.#nameOf(held), holding, run: this.run };
      this.#learned({ fact: 'order', held: holding[i] as HeldLock, ...common } satisfies OrderFact);
    }
  }

  #learned(fact: LockFact): void {
    this.fresh.push(fact);
    const [conflict] = this.graph.add(fact);
    if (conflict === undefined || !this.#throws) return;
    this.report = lockReport(this.graph, conflict);
    const { kind, invariant, message, site, lines } = this.report;
    throw new KernelFinding(kind, invariant, message, site, lines);
  }

  /** Interrupts are let in: all that is held here is held with them on. */
  #irqsOn(site: Site): void {
    const w = memory.words;
    if (w[cpuBase + CPU_HARDIRQ_DEPTH] !== 0) return;
    const held = this.#held();
    const bits = w[cpuBase + CPU_SOFTIRQ_DEPTH] === 0 ? BOTH_ON_BITS : HARDIRQ_ON_BIT;
    for (let i = 0; i < held.count; i++) {
      const lockClass = held.classes[i] as number;
      const shared = held.shared[i] === 1;
      const recursive = shared && this.#classes.readsRecursively(lockClass);
      this.#usedSo(held, lockClass, shared, recursive, bits, site);
    }
  }

  // ---- Waiting for what is no lock. ----

  /** Waits for what the class stands for, which comes after all that is held. */
  #waitsFor(lockClass: number, site: Site): void {
    const held = this.#held();
    if (lockClass >= this.#room) this.#grow();
    this.#follows(held, lockClass, false, false, site);
    held.takenCount = 0;
  }

  #completes(completion: number, site: Site): void {
    const context = this.#held();
    const { taken, takenAt, takenCount } = context;
    const lockClass = this.#classes.completion(completion);
    if (lockClass >= this.#room) this.#grow();
    const held: HeldLock = { lock: this.#classes.nameOf(lockClass), shared: false, site };
    for (let i = 0; i < takenCount; i++) {
      const needed = taken[i] as number;
      const edge = lockClass * this.#room + needed;
      if (this.#edges[edge] !== 0) continue;
      this.#edges[edge] = 1;
      const lock = this.#classes.nameOf(needed);
      const fact = { lock, shared: false, recursive: false, site: takenAt[i] as number, who: this.#nameOf(context) };
      this.#learned({ fact: 'order', held, ...fact, holding: [held], run: this.run });
    }
  }

  #workBegins(program: number, site: Site): void {
    const held = this.#held();
    const lockClass = this.#classes.workqueue(program);
    if (lockClass >= this.#room) this.#grow();
    held.takenCount = 0;
    this.#push(held, -program, lockClass, false, site);
  }

  #workEnds(program: number, site: Site): void {
    const held = this.#held();
    const place = held.drop(-program);
    if (place >= 0 && held.count > place) this.#stillHeld(held, place, 'ends a work item', site);
  }
}
