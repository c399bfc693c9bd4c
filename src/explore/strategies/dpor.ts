/**
 * Dynamic partial-order reduction: at least one run of each Mazurkiewicz class, and few more. When it is finished, every
 * behaviour of the program has been seen, up to what dependency.ts leaves out.
 *
 * Depth first over the choice points. Each step that is made is compared with those before it: if the two depend on each other
 * and nothing orders them, the other order is tried too, from the choice point before the first of the two (source sets).
 * What has been tried at a choice point sleeps in its later alternatives until a step comes that depends on it (sleep sets).
 * Data choices are all tried. Abdulla, Aronis, Jonsson, Sagonas: Source sets: a foundation for optimal dynamic partial order
 * reduction. J. ACM 64 (2017).
 *
 * A step can be blocked or made impossible by others (a lock, a sleep, an interrupt), so each pair is looked at, not only the
 * last one, and what still waits when a run ends is looked at as if it came last. An order that turns out to be impossible
 * at its first step is dropped. Pairs that are never possible at the same time have no other order. Flanagan, Godefroid: Dynamic partial-order
 * reduction. POPL 2005.
 *
 * With a bound only runs with so many preemptions (turns.ts) are made, and each class that has such a run is seen. What stands for
 * a class elsewhere may have more preemptions than another run of it, so nothing sleeps then, wherever nobody could go on all are tried,
 * and so are all before a step that has been seen to depend on a later one. A preemption at any other place can be moved to such a
 * one, but not past the end of a section: who is let on before it comes as far as its lock, and to leave him there is no preemption. So all
 * are tried before a lock is given back too. Coons, Musuvathi, McKinley: Bounded partial-order reduction. OOPSLA 2013.
 */
import {
  type ChoiceKind,
  isAboutBudget,
  OP_GIVE,
  OP_GIVE_SHARED,
  OP_RELAX,
  OP_SCHEDULE,
  OP_START,
  OP_TAKE,
} from '../../machine/kernel.ts';
import type { Part } from '../../shared/program.ts';
import { Random } from '../../shared/random.ts';
import type { Context } from '../context.ts';
import { Accesses, accessTo, meet, objectOf, WRITE } from '../dependency.ts';
import type { ModelMachine } from '../explore.ts';
import { LOCKS } from '../kinds.ts';
import { type Moves, type Strategy, TURN_GIVE_UP, TURN_MADE, TURN_NONE, type Turn } from '../strategy.ts';
import { type Event, History } from './history.ts';
import { Spinners, TURNS_MAX } from './spinners.ts';
import { entersNow, isInterrupt, preemptionsText, SPINS, Turns } from './turns.ts';

const LIST = new Intl.ListFormat('en-GB');

/** A step that was tried: it sleeps until a step comes that depends on it. */
interface Sleeper {
  readonly cpu: number;
  readonly accesses: readonly number[];
}
type Sleepers = ReadonlyMap<number, Sleeper>;

/** A choice point on the path where processes move. */
interface Node {
  readonly enabled: ReadonlySet<number>;
  /** What sleeps when it is reached. */
  readonly sleep: Sleepers;
  /** Tried in full, with what they turned out to touch. */
  readonly done: Map<number, Sleeper>;
  /** Tried or to be tried. */
  readonly wanted: Set<number>;
  chosen: number;
  /** What the chosen step touches, over all its data choices. */
  touched: Set<number>;
  /** With a bound: whose turn it is, or −1; the interrupts that may enter then; and the preemptions before. */
  readonly goesOn: number;
  readonly entering: readonly number[];
  readonly preemptions: number;
}

/** A data choice on the path. */
interface Fork {
  readonly count: number;
  value: number;
}

type Item = { readonly node: Node; readonly fork: null } | { readonly node: null; readonly fork: Fork };

const enters = (event: Event): boolean => isInterrupt(event) && event.kind === OP_START;

/** Whether `late` takes a lock that `before` gives back: who gives it back had it. */
const givesToTaker = (before: Event, late: Event): boolean =>
  (before.kind === OP_GIVE && LOCKS.includes(late.kind)) || (before.kind === OP_GIVE_SHARED && late.kind === OP_TAKE);

/** Whether `late` cannot have been possible where `before` was: then there is no other order. */
function neverTogether(before: Event, late: Event): boolean {
  if (givesToTaker(before, late)) return true;
  if (before.cpu !== late.cpu) return false;
  if (enters(late)) return !before.irqsOn;
  // An interrupt is on top until it ends, and a task until it sleeps or ends, but for an interrupt that enters.
  if (isInterrupt(before) || isInterrupt(late)) return !enters(before);
  return before.kind !== OP_SCHEDULE && before.kind !== OP_START;
}

/** Whether a step depends on one that sleeps, by what that touched when it was tried, or on what that has become by this step. */
const wakes = ({ accesses, toZero }: Event, others: readonly number[]): boolean =>
  meet(accesses, others) || (toZero !== 0 && others.some((other) => objectOf(other) === toZero));

export class Dpor implements Strategy {
  readonly #path: Item[] = [];
  #depth = 0;
  readonly #history = new History();
  readonly #spinners = new Spinners();
  readonly #turns = new Turns();
  /** Whose turn it is, with a bound. */
  #goesOn = -1;
  #accesses: Accesses | null = null;
  /** Steps from this one on have not been compared yet. */
  #fresh = 0;
  /** The path is the same up to here as in the last run, and the steps are the same up to that of this node. */
  #branch = 0;
  #branchNode = 0;
  #sleep = new Map<number, Sleeper>();
  #node = -1;
  #finished = false;
  /** Preemptions that a run may have, that this one has had, and whether any was refused. */
  readonly #bound: number;
  #preemptions = 0;
  #cut = false;
  /** A run had to be brought to its end in a fair way. */
  #tookTooLong = false;
  /** Runs that were given up because others had shown all that would follow. */
  givenUp = 0;
  readonly #random: Random | null;
  /** Logarithm to base 10 of the number of runs there would be if all were like the last one; probes only. */
  size = 0;

  /** `bound`: preemptions of a run at most. With random numbers it probes: each run is a random one, and after it `size` is known. */
  constructor(bound = Number.POSITIVE_INFINITY, random: Random | null = null) {
    this.#bound = bound;
    this.#random = random;
  }

  get #isBounded(): boolean {
    return this.#bound !== Number.POSITIVE_INFINITY;
  }

  begin(_run: number): void {
    this.#accesses ??= new Accesses();
    this.#history.begin(this.#branchNode);
    this.#spinners.begin();
    this.#turns.begin();
    this.#preemptions = 0;
    this.#depth = 0;
    this.#fresh = this.#branch === 0 ? 0 : Number.MAX_SAFE_INTEGER;
    this.#sleep = new Map();
    this.#node = -1;
  }

  next(moves: Moves): Turn {
    this.#settle();
    const count = moves.collect();
    if (count === 0) return TURN_NONE;
    const index = this.#depth++;
    let item = this.#path[index];
    if (item === undefined) {
      const node = this.#newNode(moves, count);
      if (node === null) {
        this.givenUp++;
        return TURN_GIVE_UP;
      }
      item = { node, fork: null };
      this.#path.push(item);
    }
    const { node } = item;
    if (node === null) throw new Error('the program is not the same at each run: a move comes where a choice came');
    this.#reach(index, node);
    this.#goesOn = node.goesOn;
    if (node.goesOn !== -1 && node.goesOn !== node.chosen && !node.entering.includes(node.chosen)) this.#preemptions++;
    for (let i = 0; i < count; i++) {
      if (moves.mover(i).process !== node.chosen) continue;
      moves.take(i);
      return TURN_MADE;
    }
    throw new Error(`the program is not the same at each run: process ${node.chosen} cannot move`);
  }

  /** What sleeps while the chosen step of this node is made. */
  #reach(index: number, node: Node): void {
    this.#node = index;
    if (index >= this.#branch) this.#fresh = Math.min(this.#fresh, this.#history.length);
    if (index >= this.#branchNode && !this.#isBounded) this.#sleep = new Map([...node.sleep, ...node.done]);
  }

  #newNode(moves: Moves, count: number): Node | null {
    const enabled = new Set<number>();
    let chosen = -1;
    let seldom = -1;
    let usual = 1;
    const entering: number[] = [];
    const goesOn = this.#isBounded ? this.#turns.goesOn(moves, count) : -1;
    const stuck = this.#onlySpinners(moves, count);
    for (let i = 0; i < count; i++) {
      const mover = moves.mover(i);
      const { process, cell } = mover;
      if (!stuck && this.#spinners.stands(mover)) {
        this.#spinners.hold(mover);
        continue;
      }
      enabled.add(process);
      if (goesOn !== -1 && entersNow(mover)) entering.push(process);
      if (this.#sleep.has(process)) continue;
      // Who can move only because of a budget is not where a search begins: others may use the budget up.
      if (cell.kind === OP_SCHEDULE && !cell.enabled()) seldom = process;
      else if (chosen === -1 || this.#prefers(process, ++usual)) chosen = process;
    }
    if (chosen === -1) chosen = seldom;
    if (chosen === -1) return null;
    if (goesOn !== -1) chosen = goesOn;
    const sleep = new Map(this.#sleep);
    const wanted = this.#isBounded && goesOn === -1 ? new Set(enabled) : new Set([chosen]);
    const preemptions = this.#preemptions;
    return { enabled, sleep, done: new Map(), wanted, chosen, touched: new Set(), goesOn, entering, preemptions };
  }

  #onlySpinners(moves: Moves, count: number): boolean {
    for (let i = 0; i < count; i++) {
      const mover = moves.mover(i);
      const usual = mover.cell.kind !== OP_SCHEDULE || mover.cell.enabled();
      if (usual && !this.#spinners.stands(mover)) return false;
    }
    return true;
  }

  /** The last mover goes on, so that there are few switches, unless it seems to wait for somebody; a probe takes any of those that it has seen. */
  #prefers(process: number, seen: number): boolean {
    if (this.#random !== null) return this.#random.below(seen) === 0;
    return (process === this.#turns.last) === this.#turns.streak < SPINS;
  }

  choose(kind: ChoiceKind, count: number): number {
    // A run that may have all of the budget may do without.
    if (isAboutBudget(kind)) return 0;
    const index = this.#depth++;
    let item = this.#path[index];
    if (item === undefined) {
      item = { node: null, fork: { count, value: this.#random?.below(count) ?? 0 } };
      this.#path.push(item);
    } else if (item.fork?.count !== count)
      throw new Error('the program is not the same at each run: another choice comes up');
    if (index >= this.#branch) this.#fresh = Math.min(this.#fresh, Math.max(0, this.#history.length - 1));
    return item.fork?.value ?? 0;
  }

  moving(context: Context): void {
    this.#settle();
    this.#turns.moving(context, this.#goesOn);
    const history = this.#history;
    const accesses = this.#accesses as Accesses;
    if (history.repeats) {
      accesses.of(context.cell);
      history.repeat();
    } else history.add(context, this.#accessesOf(context), this.#node);
    this.#spinners.moving(context, accesses);
    this.#node = -1;
  }

  #accessesOf({ process, cell }: Context): number[] {
    const accesses = this.#accesses as Accesses;
    accesses.of(cell);
    return cell.kind === OP_RELAX ? this.#spinners.accessesOf(process) : accesses.copy();
  }

  freed(slot: number): void {
    if (!this.#history.repeats) this.#history.last?.accesses.push(accessTo(slot, WRITE));
  }

  spawned(child: Context): void {
    this.#history.born(child.process);
  }

  part(part: Part): void {
    this.#settle();
    this.#history.barrier();
    this.#spinners.part(part);
  }

  tookTooLong(): void {
    this.#tookTooLong = true;
  }

  /** The last step is over: orders it, wakes what depends on it, compares it with those before. */
  #settle(): void {
    const { repeats } = this.#history;
    const event = this.#history.order();
    if (event === null || repeats) return;
    for (const [process, { cpu, accesses }] of this.#sleep)
      if (process === event.process || cpu === event.cpu || wakes(event, accesses)) this.#sleep.delete(process);
    const { node } = event.node < 0 ? { node: null } : (this.#path[event.node] as Item);
    if (node !== null) for (const access of event.accesses) node.touched.add(access);
    const index = this.#history.length - 1;
    if (index >= this.#fresh) this.#compare(event, index);
  }

  /** Wants the other order of each step before `event` that depends on it and is not ordered before it. */
  #compare(event: Event, index: number): void {
    const history = this.#history;
    for (let i = index - 1; i >= 0; i--) {
      const before = history.at(i);
      if (before.process === event.process || before.node < 0 || history.happenedBefore(before, event.past)) continue;
      if (before.cpu !== event.cpu && !meet(before.accesses, event.accesses)) continue;
      if (neverTogether(before, event) && !(this.#isBounded && givesToTaker(before, event))) continue;
      const { node } = this.#path[before.node] as Item;
      this.#want(node as Node, history.initials(i, event, index), event.process);
    }
  }

  /** One of those that can begin the other order. */
  #want(node: Node, initials: readonly number[], preferred: number): void {
    if (this.#isBounded) {
      this.#wantAll(node);
      return;
    }
    for (const process of initials)
      if (node.wanted.has(process) || node.sleep.has(process) || !node.enabled.has(process)) return;
    node.wanted.add(initials.includes(preferred) ? preferred : (initials[0] as number));
  }

  #wantAll(node: Node): void {
    // A probe asks what there would be.
    const mayPreempt = this.#random !== null || node.preemptions < this.#bound;
    for (const process of mayPreempt ? node.enabled : node.entering) node.wanted.add(process);
    this.#cut ||= node.enabled.size > node.wanted.size;
  }

  end(pending: Iterable<Context>): void {
    this.#settle();
    // Those who still wait could have gone on in another order.
    for (const context of pending) {
      const event = this.#history.waiting(context, this.#accessesOf(context));
      this.#spinners.waiting(context, event.accesses);
      this.#compare(event, this.#history.length);
    }
    if (this.#random !== null) this.#measure();
    else if (this.#spinners.isMistaken) this.#beginAgain();
    else this.#back();
  }

  #measure(): void {
    this.size = 0;
    // In how many ways 0, 1, … preemptions can be placed, and each interrupt.
    const placed = this.#isBounded ? [1, ...Array<number>(this.#bound).fill(0)] : [1];
    const places = new Map<number, number>();
    for (const { node, fork } of this.#path) {
      if (node === null || node.goesOn === -1) this.size += Math.log10(node?.wanted.size ?? (fork as Fork).count);
      else {
        const entering = node.entering.filter((process) => node.wanted.has(process));
        for (const process of entering) places.set(process, (places.get(process) ?? 1) + 1);
        for (let i = this.#bound; i > 0; i--)
          placed[i] = (placed[i] as number) + (placed[i - 1] as number) * (node.wanted.size - 1 - entering.length);
      }
    }
    for (const ways of places.values()) this.size += Math.log10(ways);
    this.size += Math.log10(placed.reduce((sum, ways) => sum + ways, 0));
    this.#path.length = 0;
    this.#branchNode = 0;
  }

  /** Somebody has been kept from moving without a reason: from the first choice point on. */
  #beginAgain(): void {
    this.#spinners.restart();
    this.#tookTooLong = false;
    this.#path.length = 0;
    this.#branch = 0;
    this.#branchNode = 0;
    this.#cut = false;
  }

  /** Goes back to the last choice point that has something left to try. */
  #back(): void {
    const path = this.#path;
    for (let item = path.at(-1); item !== undefined; item = path.at(-1)) {
      this.#branch = path.length - 1;
      const { node, fork } = item;
      if (fork !== null ? ++fork.value < fork.count : this.#turn(node)) {
        this.#branchNode = Math.max(
          0,
          path.findLastIndex((each) => each.node !== null),
        );
        return;
      }
      path.pop();
    }
    this.#finished = true;
  }

  /** The chosen process is done at this node; gives whether another one is to be tried. */
  #turn(node: Node): boolean {
    const cpu = this.#history.cpuOf(node.chosen);
    node.done.set(node.chosen, { cpu, accesses: [...node.touched] });
    for (const process of node.wanted) {
      if (node.done.has(process) || node.sleep.has(process)) continue;
      node.chosen = process;
      node.touched = new Set();
      return true;
    }
    return false;
  }

  /** What has been seen in full, as a sentence; null while it is under way. */
  exhausted(): string | null {
    if (!this.#finished || this.#tookTooLong) return null;
    const limits = [];
    if (this.#cut) limits.push(preemptionsText(this.#bound));
    if (this.#spinners.hasCutLoops) limits.push(`${TURNS_MAX} turns of a loop that writes for others while it waits`);
    if (this.#spinners.hasHeld) limits.push('the turns of loops that wait');
    return `exhaustive up to ${LIST.format([...limits, 'the order of independent steps'])}`;
  }

  finished(): boolean {
    return this.#finished;
  }
}

const PROBES = 20;

/**
 * How many runs DPOR will need on this machine: 10 to the power of what this gives. The mean over random runs of the product of
 * the alternatives that each of them asks for. Knuth: Estimating the efficiency of backtrack programs. 1975. With a bound: for the
 * preemptions of a run that has none. Gives way after each run.
 */
export function* estimateRuns(
  machine: ModelMachine,
  seed: number,
  bound = Number.POSITIVE_INFINITY,
): Generator<void, number, void> {
  const probe = new Dpor(bound, new Random(seed));
  machine.follow(probe);
  const sizes: number[] = [];
  for (let run = 0; run < PROBES; run++) {
    machine.run(run);
    sizes.push(probe.size);
    yield;
  }
  const most = Math.max(...sizes);
  return most + Math.log10(sizes.reduce((sum, size) => sum + 10 ** (size - most), 0) / PROBES);
}
