/**
 * The operations of the real machine: each runs at once and returns an iterator that is already done.
 *
 * A generator is made only when there is something to wait for: a contended lock, a pending interrupt, a delay, a turn of other tasks.
 * Before an operation runs the CPU notes it in its step ring and looks at its pending word: that is the operation boundary at which
 * interrupts enter.
 *
 * Waiting: a CPU that finds a lock taken spins for a moment, then sets its bit in the word behind the lock, looks once more,
 * and parks on its own doorbell. Who releases the lock looks at that word and rings. Both sides use sequentially consistent
 * accesses in opposite order, so one sees the other:
 *
 *   waiter                        releaser
 *   set bit in word + 1           store 0 to word
 *   try to take word              load word + 1: ring
 *
 * Atomics are calls into V8's builtins here (4 to 8 ns each), so a word that is only looked at is read plainly where an Atomics
 * access of the same operation orders it: the compiler moves no read across such a call, and its lock prefix is the fence.
 */
import { doIrq } from '../irq/interrupt.ts';
import {
  EV_LOCK_CONTENDED,
  EV_PARK,
  EV_UNPARK,
  EV_WAKE,
  emit,
  emitAcquired,
  emitIrqsOff,
  emitIrqsOn,
  emitRelease,
  hearing,
} from '../machine/events.ts';
import { report } from '../machine/finding.ts';
import {
  CHOICE_ALLOCATION,
  type ChoiceKind,
  type Kernel,
  RING_ALL,
  type RingKind,
  RMW_ADD,
  RMW_AND,
  RMW_OR,
  type RmwKind,
  resolved,
} from '../machine/kernel.ts';
import { type Operations, type SlowPath, TICKET_NEXT, TICKET_OWNER } from '../machine/operations.ts';
import type { Site } from '../machine/site.ts';
import { memory, POISON, perCpuBase } from '../shared/memory.ts';
import {
  CPU_CONTENDED,
  CPU_IRQS_OFF,
  CPU_PENDING,
  CPU_RUNNABLE,
  CPU_STEP_RING,
  CPU_STEPS,
  CPU_TASKS,
  STEP_RING_ENTRIES,
  STEP_SITE_SHIFT,
} from '../shared/per-cpu-layout.ts';
import { wordName } from '../shared/struct-registry.ts';
import { CLOCK, clockUs } from './control.ts';
import { ringDoorbell, ringWaiters } from './doorbell.ts';
import { dueAlarm } from './due-alarm.ts';
import type { Noise, SeamDelay } from './noise.ts';
import type { Parking } from './parking.ts';
import { PENDING_STOP, RoundStopped } from './round-stopped.ts';
import { Turn } from './turn.ts';

/** No step comes before this one. */
const ALWAYS = -0x80000000;

/** What relax and a seam delay sleep, in microseconds. */
const RELAX_US = 50;

export interface RealOptions {
  readonly cpu: number;
  readonly control: Int32Array;
  readonly parking: Parking;
  readonly noise: Noise;
  readonly delay: SeamDelay | null;
  /** Turns of the loop before a waiting CPU parks. */
  readonly spins: number;
}

/** The operations of one CPU of the real machine. */
export class RealOperations implements Operations {
  /** The CPU begins it when it switches to a task. */
  readonly turn: Turn;
  private readonly w: Int32Array;
  private readonly cpu: number;
  private readonly pendingWord: number;
  private readonly irqsOffWord: number;
  private readonly stepsWord: number;
  private readonly contendedWord: number;
  private readonly stepRing: number;
  private readonly parking: Parking;
  private readonly noise: Noise;
  private readonly spins: number;
  private readonly clockOrigin: number;
  private readonly delayFirst: number;
  private readonly delaySpan: number;
  private readonly delayUs: number;
  /** The step at which the next delay is due. */
  private noiseAt: number;
  /** From this step on each boundary is looked at closely: noiseAt, or always while a seam is delayed. */
  private closeFrom: number;

  constructor(options: RealOptions) {
    const base = perCpuBase(options.cpu);
    this.w = memory.words;
    this.cpu = options.cpu;
    this.pendingWord = base + CPU_PENDING;
    this.irqsOffWord = base + CPU_IRQS_OFF;
    this.stepsWord = base + CPU_STEPS;
    this.contendedWord = base + CPU_CONTENDED;
    this.stepRing = base + CPU_STEP_RING;
    this.parking = options.parking;
    this.noise = options.noise;
    this.spins = options.spins;
    this.clockOrigin = options.control[CLOCK] as number;
    const { delay } = options;
    this.delayFirst = delay?.firstSite ?? -1;
    this.delaySpan = delay === null ? 0 : delay.lastSite - delay.firstSite + 1;
    this.delayUs = delay?.us ?? 0;
    this.noiseAt = options.noise.gap();
    this.closeFrom = delay === null ? this.noiseAt : ALWAYS;
    this.turn = new Turn(options.cpu);
  }

  /** Notes the step; true when something is to be done before the operation. */
  private boundary(word: number, site: Site): boolean {
    const w = this.w;
    const step = w[this.stepsWord] as number;
    w[this.stepsWord] = (step + 1) | 0;
    w[this.stepRing + (step & (STEP_RING_ENTRIES - 1))] = (site << STEP_SITE_SHIFT) | word;
    return w[this.pendingWord] !== 0 || step >= this.closeFrom;
  }

  /** What boundary asked for: stop, a delay, interrupts. */
  private *atBoundary(site: Site): Kernel<void> {
    if ((site - this.delayFirst) >>> 0 < this.delaySpan) this.noise.nap(this.delayUs);
    const step = this.w[this.stepsWord] as number;
    if (step > this.noiseAt) {
      this.noiseAt = step + this.noise.gap();
      if (this.delaySpan === 0) this.closeFrom = this.noiseAt;
      this.noise.delay();
    }
    yield* this.takeInterrupts();
  }

  /** Takes pending lines while interrupts are on. */
  private *takeInterrupts(): Kernel<void> {
    const { w, pendingWord } = this;
    for (;;) {
      const pending = Atomics.load(w, pendingWord);
      if ((pending & PENDING_STOP) !== 0) throw new RoundStopped();
      if (pending === 0 || w[this.irqsOffWord] !== 0) return;
      const line = 31 - Math.clz32(pending & -pending);
      Atomics.and(w, pendingWord, ~(1 << line));
      yield* doIrq(line);
    }
  }

  /** Runs an operation after what its boundary asked for. */
  private *after<T>(site: Site, operation: () => T): Kernel<T> {
    yield* this.atBoundary(site);
    return operation();
  }

  private checked(value: number, word: number, site: Site): number {
    if (value === POISON) report('use-after-free', 'I14', `${wordName(word)} is used after its object was freed`, site);
    return value;
  }

  // Words.

  load(word: number, site: Site): Kernel<number> {
    if (this.boundary(word, site)) return this.after(site, () => this.checked(Atomics.load(this.w, word), word, site));
    return resolved(this.checked(Atomics.load(this.w, word), word, site));
  }

  store(word: number, value: number, site: Site): Kernel<void> {
    if (this.boundary(word, site)) return this.after(site, () => void Atomics.store(this.w, word, value));
    Atomics.store(this.w, word, value);
    return resolved(undefined);
  }

  private change(word: number, how: RmwKind, value: number, site: Site): number {
    const w = this.w;
    if (how === RMW_ADD) return this.checked(Atomics.add(w, word, value), word, site);
    if (how === RMW_AND) return this.checked(Atomics.and(w, word, value), word, site);
    if (how === RMW_OR) return this.checked(Atomics.or(w, word, value), word, site);
    return this.checked(Atomics.exchange(w, word, value), word, site);
  }

  rmw(word: number, how: RmwKind, value: number, site: Site): Kernel<number> {
    if (this.boundary(word, site)) return this.after(site, () => this.change(word, how, value, site));
    return resolved(this.change(word, how, value, site));
  }

  private swap(word: number, expected: number, value: number, site: Site): number {
    return this.checked(Atomics.compareExchange(this.w, word, expected, value), word, site);
  }

  cmpxchg(word: number, expected: number, value: number, site: Site): Kernel<number> {
    if (this.boundary(word, site)) return this.after(site, () => this.swap(word, expected, value, site));
    return resolved(this.swap(word, expected, value, site));
  }

  // Locks that keep their CPU.

  /**
   * Takes this CPU off those who wait for a lock, which it now has. A bit left behind would cost another one its ring:
   *
   *   CPU0                          CPU1                CPU2
   *   sets its bit, takes the lock
   *   releases it: rings CPU1       takes it
   *                                                     sets its bit, parks
   *                                 releases it: rings CPU0, which no longer waits
   */
  private noLongerWaits(word: number): void {
    const bit = 1 << this.cpu;
    if (((this.w[word + 1] as number) & bit) !== 0) Atomics.and(this.w, word + 1, ~bit);
  }

  /** Waits on this CPU until `attempt` succeeds, taking interrupts meanwhile if they are on. */
  private *contend(word: number, exclusive: number, site: Site, attempt: () => boolean): Kernel<void> {
    const { w, parking, pendingWord } = this;
    (w[this.contendedWord] as number)++;
    if (hearing !== 0) emit(EV_LOCK_CONTENDED, word, exclusive, site);
    for (;;) {
      for (let turn = 0; turn < this.spins; turn++) if (attempt()) return this.noLongerWaits(word);
      const seen = parking.seen();
      Atomics.or(w, word + 1, 1 << this.cpu);
      if (attempt()) return this.noLongerWaits(word);
      this.checked(Atomics.load(w, word), word, site);
      const pending = Atomics.load(w, pendingWord);
      // A line that cannot enter now is no reason to stay awake; the release will ring.
      if (pending === 0 || (w[this.irqsOffWord] !== 0 && (pending & PENDING_STOP) === 0))
        this.parkFor(word, exclusive, seen);
      yield* this.takeInterrupts();
    }
  }

  /** Parks this CPU, which waits for a lock. */
  private parkFor(word: number, exclusive: number, seen: number): void {
    if (hearing !== 0) emit(EV_PARK, word, exclusive, 0);
    this.parking.park(seen);
    if (hearing !== 0) emit(EV_UNPARK, word, exclusive, 0);
  }

  private selfDeadlock(word: number, site: Site): never {
    report('self-deadlock', 'I48', `CPU ${this.cpu} takes ${wordName(word)}, which it already holds`, site);
  }

  private *takeSlow(word: number, value: number, site: Site, atBoundary: boolean): Kernel<void> {
    const w = this.w;
    if (atBoundary) yield* this.atBoundary(site);
    if (Atomics.compareExchange(w, word, 0, value) !== 0) {
      if (Atomics.load(w, word) === value) this.selfDeadlock(word, site);
      const attempt = (): boolean => Atomics.load(w, word) === 0 && Atomics.compareExchange(w, word, 0, value) === 0;
      yield* this.contend(word, 1, site, attempt);
    }
    if (hearing !== 0) emitAcquired(word, 1, site);
  }

  take(word: number, value: number, site: Site): Kernel<void> {
    if (this.boundary(word, site)) return this.takeSlow(word, value, site, true);
    if (Atomics.compareExchange(this.w, word, 0, value) !== 0) return this.takeSlow(word, value, site, false);
    if (hearing !== 0) emitAcquired(word, 1, site);
    return resolved(undefined);
  }

  /** Says that a lock was taken without waiting, and interrupts turned off for it. */
  private tookIrqsave(word: number, saved: number, site: Site): void {
    if (saved !== 0) emitIrqsOff(site);
    emitAcquired(word, 1, site);
  }

  private *takeIrqsaveSlow(word: number, value: number, site: Site): Kernel<number> {
    yield* this.atBoundary(site);
    const saved = this.disable();
    if (hearing !== 0 && saved !== 0) emitIrqsOff(site);
    yield* this.takeSlow(word, value, site, false);
    return saved;
  }

  private *contendIrqsave(word: number, value: number, site: Site, saved: number): Kernel<number> {
    if (hearing !== 0 && saved !== 0) emitIrqsOff(site);
    yield* this.takeSlow(word, value, site, false);
    return saved;
  }

  takeIrqsave(word: number, value: number, site: Site): Kernel<number> {
    if (this.boundary(word, site)) return this.takeIrqsaveSlow(word, value, site);
    const saved = this.disable();
    if (Atomics.compareExchange(this.w, word, 0, value) !== 0) return this.contendIrqsave(word, value, site, saved);
    if (hearing !== 0) this.tookIrqsave(word, saved, site);
    return resolved(saved);
  }

  private tryShare(word: number, site: Site): boolean {
    const w = this.w;
    for (let old = this.checked(w[word] as number, word, site); old >= 0; ) {
      const seen = Atomics.compareExchange(w, word, old, old + 1);
      if (seen === old) return true;
      old = seen;
    }
    return false;
  }

  private *takeSharedSlow(word: number, writer: number, site: Site): Kernel<void> {
    yield* this.atBoundary(site);
    if (!this.tryShare(word, site)) {
      if (Atomics.load(this.w, word) === writer) this.selfDeadlock(word, site);
      yield* this.contend(word, 0, site, () => this.tryShare(word, site));
    }
    if (hearing !== 0) emitAcquired(word, 0, site);
  }

  takeShared(word: number, writer: number, site: Site): Kernel<void> {
    if (this.boundary(word, site) || !this.tryShare(word, site)) return this.takeSharedSlow(word, writer, site);
    if (hearing !== 0) emitAcquired(word, 0, site);
    return resolved(undefined);
  }

  /** Waits for the turn of a ticket, and notes who has it. */
  private *awaitTurn(word: number, ticket: number, value: number, site: Site): Kernel<void> {
    this.checked(ticket, word, site);
    const attempt = (): boolean => Atomics.load(this.w, word) === ticket;
    if (!attempt()) {
      if (this.w[word + TICKET_OWNER] === value) this.selfDeadlock(word, site);
      yield* this.contend(word, 1, site, attempt);
    }
    this.w[word + TICKET_OWNER] = value;
    if (hearing !== 0) emitAcquired(word, 1, site);
  }

  private *drawTicketSlow(word: number, value: number, site: Site): Kernel<void> {
    yield* this.atBoundary(site);
    yield* this.awaitTurn(word, Atomics.add(this.w, word + TICKET_NEXT, 1), value, site);
  }

  drawTicket(word: number, value: number, site: Site): Kernel<void> {
    if (this.boundary(word, site)) return this.drawTicketSlow(word, value, site);
    const w = this.w;
    const ticket = Atomics.add(w, word + TICKET_NEXT, 1);
    if (w[word] !== ticket || ticket === POISON) return this.awaitTurn(word, ticket, value, site);
    w[word + TICKET_OWNER] = value;
    if (hearing !== 0) emitAcquired(word, 1, site);
    return resolved(undefined);
  }

  private *drawTicketIrqsaveSlow(word: number, value: number, site: Site): Kernel<number> {
    yield* this.atBoundary(site);
    const saved = this.disable();
    if (hearing !== 0 && saved !== 0) emitIrqsOff(site);
    yield* this.awaitTurn(word, Atomics.add(this.w, word + TICKET_NEXT, 1), value, site);
    return saved;
  }

  private *awaitTurnIrqsave(word: number, ticket: number, value: number, site: Site, saved: number): Kernel<number> {
    if (hearing !== 0 && saved !== 0) emitIrqsOff(site);
    yield* this.awaitTurn(word, ticket, value, site);
    return saved;
  }

  drawTicketIrqsave(word: number, value: number, site: Site): Kernel<number> {
    if (this.boundary(word, site)) return this.drawTicketIrqsaveSlow(word, value, site);
    const w = this.w;
    const saved = this.disable();
    const ticket = Atomics.add(w, word + TICKET_NEXT, 1);
    if (w[word] !== ticket || ticket === POISON) return this.awaitTurnIrqsave(word, ticket, value, site, saved);
    w[word + TICKET_OWNER] = value;
    if (hearing !== 0) this.tookIrqsave(word, saved, site);
    return resolved(saved);
  }

  private release(word: number, value: number, how: RingKind, site: Site): void {
    if (hearing !== 0) emitRelease(word, 1, site);
    this.freeWord(word, value, how);
  }

  private freeWord(word: number, value: number, how: RingKind): void {
    Atomics.store(this.w, word, value);
    if (this.w[word + 1] !== 0) ringWaiters(word + 1, this.cpu, how);
  }

  /** Says what a release with interrupts restored does, and does it. */
  private releaseHeard(word: number, value: number, how: RingKind, saved: number, site: Site): Kernel<void> {
    emitRelease(word, 1, site);
    this.freeWord(word, value, how);
    if (saved !== 0) emitIrqsOn(site);
    return this.restore(saved);
  }

  give(word: number, value: number, how: RingKind, site: Site): Kernel<void> {
    if (this.boundary(word, site)) return this.after(site, () => this.release(word, value, how, site));
    this.release(word, value, how, site);
    return resolved(undefined);
  }

  private *giveIrqrestoreSlow(word: number, value: number, how: RingKind, saved: number, site: Site): Kernel<void> {
    yield* this.atBoundary(site);
    yield* this.releaseHeard(word, value, how, saved, site);
  }

  giveIrqrestore(word: number, value: number, how: RingKind, saved: number, site: Site): Kernel<void> {
    if (this.boundary(word, site)) return this.giveIrqrestoreSlow(word, value, how, saved, site);
    if (hearing !== 0) return this.releaseHeard(word, value, how, saved, site);
    this.freeWord(word, value, how);
    return this.restore(saved);
  }

  private releaseShared(word: number, site: Site): void {
    if (hearing !== 0) emitRelease(word, 0, site);
    if (Atomics.sub(this.w, word, 1) === 1 && this.w[word + 1] !== 0) ringWaiters(word + 1, this.cpu, RING_ALL);
  }

  giveShared(word: number, site: Site): Kernel<void> {
    if (this.boundary(word, site)) return this.after(site, () => this.releaseShared(word, site));
    this.releaseShared(word, site);
    return resolved(undefined);
  }

  // Fast paths with a way out.

  private tryAddNow(word: number, mask: number, delta: number, site: Site): boolean {
    const w = this.w;
    for (let old = w[word] as number; (old & mask) === 0; ) {
      const seen = Atomics.compareExchange(w, word, old, old + delta);
      if (seen === old) {
        if (hearing !== 0) emitAcquired(word, 0, site);
        return true;
      }
      old = seen;
    }
    this.checked(Atomics.load(w, word), word, site);
    return false;
  }

  private *boundaryThen<O>(site: Site, isSlow: () => boolean, slow: SlowPath<O, void>, object: O): Kernel<void> {
    yield* this.atBoundary(site);
    if (isSlow()) yield* slow(object, site);
  }

  tryAdd<O>(word: number, mask: number, delta: number, slow: SlowPath<O, void>, object: O, site: Site): Kernel<void> {
    if (this.boundary(word, site))
      return this.boundaryThen(site, () => !this.tryAddNow(word, mask, delta, site), slow, object);
    return this.tryAddNow(word, mask, delta, site) ? resolved(undefined) : slow(object, site);
  }

  private addNow(word: number, delta: number, site: Site): number {
    return (this.checked(Atomics.add(this.w, word, delta), word, site) + delta) | 0;
  }

  addThen<O>(
    word: number,
    delta: number,
    mask: number,
    expected: number,
    slow: SlowPath<O, void>,
    object: O,
    site: Site,
  ): Kernel<void> {
    if (this.boundary(word, site))
      return this.boundaryThen(site, () => (this.addNow(word, delta, site) & mask) === expected, slow, object);
    return (this.addNow(word, delta, site) & mask) === expected ? slow(object, site) : resolved(undefined);
  }

  private skips<O>(word: number, skip: number, fast: ((object: O) => void) | null, object: O, site: Site): boolean {
    if (this.checked(Atomics.load(this.w, word), word, site) !== skip) return false;
    if (fast !== null) fast(object);
    return true;
  }

  loadThen<O>(
    word: number,
    skip: number,
    fast: ((object: O) => void) | null,
    slow: SlowPath<O, void>,
    object: O,
    site: Site,
  ): Kernel<void> {
    if (this.boundary(word, site))
      return this.boundaryThen(site, () => !this.skips(word, skip, fast, object, site), slow, object);
    return this.skips(word, skip, fast, object, site) ? resolved(undefined) : slow(object, site);
  }

  // Interrupts, sleeping, choices, the clock.

  /** Interrupts off; 1 if they were on. */
  private disable(): number {
    const on = this.w[this.irqsOffWord] === 0 ? 1 : 0;
    this.w[this.irqsOffWord] = 1;
    return on;
  }

  /** Interrupts as they were; what came meanwhile enters now. */
  private restore(saved: number): Kernel<void> {
    if (saved === 0) return resolved(undefined);
    this.w[this.irqsOffWord] = 0;
    return this.w[this.pendingWord] === 0 ? resolved(undefined) : this.takeInterrupts();
  }

  private disableHeard(site: Site): number {
    const saved = this.disable();
    if (hearing !== 0 && saved !== 0) emitIrqsOff(site);
    return saved;
  }

  irqOff(site: Site): Kernel<number> {
    if (this.boundary(0, site)) return this.after(site, () => this.disableHeard(site));
    return resolved(this.disableHeard(site));
  }

  private restoreHeard(saved: number, site: Site): Kernel<void> {
    if (hearing !== 0 && saved !== 0) emitIrqsOn(site);
    return this.restore(saved);
  }

  private *irqOnSlow(saved: number, site: Site): Kernel<void> {
    yield* this.atBoundary(site);
    yield* this.restoreHeard(saved, site);
  }

  irqOn(saved: number, site: Site): Kernel<void> {
    if (this.boundary(0, site)) return this.irqOnSlow(saved, site);
    return this.restoreHeard(saved, site);
  }

  private *scheduleSlow(site: Site): Kernel<void> {
    yield* this.atBoundary(site);
    yield* this.turn.leave();
  }

  schedule(site: Site): Kernel<void> {
    return this.boundary(0, site) ? this.scheduleSlow(site) : this.turn.leave();
  }

  choice(kind: ChoiceKind, count: number, _site: Site): Kernel<number> {
    return resolved(kind === CHOICE_ALLOCATION ? 0 : this.noise.below(count));
  }

  relax(site: Site): Kernel<void> {
    if (this.boundary(0, site)) return this.after(site, () => this.noise.nap(RELAX_US));
    this.noise.nap(RELAX_US);
    return resolved(undefined);
  }

  *nextAlarm(mailbox: number, seen: number, site: Site): Kernel<number> {
    this.boundary(mailbox, site);
    for (;;) {
      yield* this.atBoundary(site);
      const rung = this.parking.seen();
      const { address, inUs } = dueAlarm(this.nowUs());
      if (address !== 0) return address;
      if (Atomics.load(this.w, mailbox) !== seen) return 0;
      if (Atomics.load(this.w, this.pendingWord) === 0) this.parking.rest(rung, inUs);
    }
  }

  wake(target: number, slot: number): void {
    if (hearing !== 0) emit(EV_WAKE, this.w[perCpuBase(target) + CPU_TASKS + slot] as number, target, 0);
    Atomics.or(this.w, perCpuBase(target) + CPU_RUNNABLE, 1 << slot);
    if (target !== this.cpu) ringDoorbell(target);
  }

  spawned(target: number, slot: number): void {
    this.wake(target, slot);
  }

  ring(target: number): void {
    ringDoorbell(target);
  }

  nowUs(): number {
    return clockUs(this.clockOrigin);
  }
}
