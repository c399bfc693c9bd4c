/**
 * The graph of lock classes: who was taken while whom was held, and in which contexts each is used. What closes a cycle, or lets an
 * interrupt want a lock that it has interrupted, is a conflict, whether or not it has ever bitten.
 *
 * Readers, as in the kernel's lockdep: an edge A -> B remembers whether A was held shared and whether B was taken by a recursive
 * reader, who never waits for another reader. Who arrives at B as a recursive reader is not stopped by one who holds B shared, so a
 * path that goes on with a shared hold from there is no chain of waiting.
 *
 *   hold A, want B     hold B shared, want A     recursive read of B: no cycle
 *   hold A, want B     hold B shared, want A     read or write of B that waits: a cycle
 */
import {
  HARDIRQ_ON,
  IN_HARDIRQ,
  IN_SOFTIRQ,
  type LockFact,
  type LockUse,
  type OrderFact,
  SOFTIRQ_ON,
  type UseFact,
} from './lock-facts.ts';

/** Facts that cannot all be: each conflict is one of three kinds. */
export type Conflict =
  /** The first fact and those after it, which lead back from its lock to what it holds. None after it: the same class twice. */
  | { readonly what: 'cycle'; readonly facts: readonly [OrderFact, ...OrderFact[]] }
  /** One class, in an interrupt and where that interrupt may enter. */
  | { readonly what: 'use'; readonly inside: UseFact; readonly enabled: UseFact; readonly last: LockFact }
  /** A class of interrupts is held while, along `path`, one is wanted that such an interrupt may find held. */
  | {
      readonly what: 'irq-order';
      readonly inside: UseFact;
      readonly path: readonly OrderFact[];
      readonly enabled: UseFact;
      readonly last: LockFact;
    };

interface Edge {
  readonly from: Node;
  readonly to: Node;
  readonly fact: OrderFact;
}

interface Node {
  readonly name: string;
  readonly out: Edge[];
  readonly in: Edge[];
  /** By use, and by whether all who use it so are recursive readers: 2 * use + (recursive ? 1 : 0). */
  readonly uses: (UseFact | undefined)[];
}

/** A chain of waiting between a class and another, its facts in the order of the chain. */
interface Way {
  /** The far end. */
  readonly node: Node;
  /** Whether a recursive reader wants it; on a way back, whether it is held shared. */
  readonly reads: boolean;
  readonly facts: readonly OrderFact[];
}

/** A use of the class at the far end of a way. */
interface UseAtEnd {
  readonly use: UseFact;
  readonly facts: readonly OrderFact[];
}

/** What must not happen where this one does. */
const OPPOSITE: Readonly<Record<LockUse, LockUse>> = {
  [IN_HARDIRQ]: HARDIRQ_ON,
  [IN_SOFTIRQ]: SOFTIRQ_ON,
  [HARDIRQ_ON]: IN_HARDIRQ,
  [SOFTIRQ_ON]: IN_SOFTIRQ,
};
const useIndex = ({ use, recursive }: UseFact): number => 2 * use + (recursive ? 1 : 0);
const isInside = (use: LockUse): boolean => use === IN_HARDIRQ || use === IN_SOFTIRQ;
const INSIDE: readonly LockUse[] = [IN_HARDIRQ, IN_SOFTIRQ];
const ENABLED: readonly LockUse[] = [HARDIRQ_ON, SOFTIRQ_ON];
const flavours = ({ uses }: Node, use: LockUse): UseFact[] =>
  [uses[2 * use], uses[2 * use + 1]].filter((fact) => fact !== undefined);

export class LockGraph {
  readonly #nodes = new Map<string, Node>();

  clear(): void {
    this.#nodes.clear();
  }

  #node(name: string): Node {
    let node = this.#nodes.get(name);
    if (node === undefined) {
      node = { name, out: [], in: [], uses: [] };
      this.#nodes.set(name, node);
    }
    return node;
  }

  /** All facts, in no particular order. */
  *facts(): Iterable<LockFact> {
    for (const { out, uses } of this.#nodes.values()) {
      for (const { fact } of out) yield fact;
      for (const fact of uses) if (fact !== undefined) yield fact;
    }
  }

  /** What is known of how a class is used, in lockdep's letters: hardirq, hardirq read, softirq, softirq read. */
  usage(lock: string): string {
    const { uses } = this.#node(lock);
    const letter = (inside: LockUse, recursive: number): string => {
      const isIn = uses[2 * inside + recursive] !== undefined;
      const isOn = uses[2 * OPPOSITE[inside] + recursive] !== undefined;
      return isIn ? (isOn ? '?' : '-') : isOn ? '+' : '.';
    };
    return INSIDE.map((use) => letter(use, 0) + letter(use, 1)).join('');
  }

  /** Whether a fact like this one was added. */
  knows(fact: LockFact): boolean {
    const node = this.#node(fact.lock);
    if (fact.fact === 'use') return node.uses[useIndex(fact)] !== undefined;
    const { held, recursive } = fact;
    return this.#node(held.lock).out.some(
      (edge) => edge.to === node && edge.fact.held.shared === held.shared && edge.fact.recursive === recursive,
    );
  }

  /** Learns a fact; gives all that it conflicts with. A fact that is known already conflicts with nothing new. */
  add(fact: LockFact): Conflict[] {
    if (this.knows(fact)) return [];
    return fact.fact === 'order' ? this.#addOrder(fact) : this.#addUse(fact);
  }

  #addOrder(fact: OrderFact): Conflict[] {
    const { held, recursive } = fact;
    const from = this.#node(held.lock);
    const to = this.#node(fact.lock);
    const edge: Edge = { from, to, fact };
    from.out.push(edge);
    if (from === to) return held.shared && recursive ? [] : [{ what: 'cycle', facts: [fact] }];
    to.in.push(edge);
    const onward = waysFrom(to, recursive);
    const back = onward.find(({ node, reads }) => node === from && !(reads && held.shared));
    const insides = usesAt(waysTo(from, held.shared), INSIDE);
    const conflicts = irqOrders(insides, [fact], usesAt(onward, ENABLED), fact);
    if (back !== undefined) conflicts.unshift({ what: 'cycle', facts: [fact, ...back.facts] });
    return conflicts;
  }

  #addUse(fact: UseFact): Conflict[] {
    const node = this.#node(fact.lock);
    node.uses[useIndex(fact)] = fact;
    const opposite = OPPOSITE[fact.use];
    const here: UseAtEnd[] = [{ use: fact, facts: [] }];
    const conflicts = isInside(fact.use)
      ? irqOrders(here, [], usesAt(waysFrom(node, fact.recursive), [opposite]), fact)
      : irqOrders(usesAt(waysTo(node, fact.recursive), [opposite]), [], here, fact);
    // Readers who need not wait for each other may meet.
    const other = flavours(node, opposite).find(({ recursive }) => !(recursive && fact.recursive));
    if (other === undefined) return conflicts;
    const [inside, enabled] = isInside(fact.use) ? [fact, other] : [other, fact];
    return [{ what: 'use', inside, enabled, last: fact }, ...conflicts];
  }
}

/**
 * From each class that interrupts take, along what is new, to each that such an interrupt may find held. Other ways between two classes
 * do not matter: one that was reported must not hide what is new.
 */
function irqOrders(
  insides: readonly UseAtEnd[],
  middle: readonly OrderFact[],
  enableds: readonly UseAtEnd[],
  last: LockFact,
): Conflict[] {
  const conflicts: Conflict[] = [];
  for (const { use: inside, facts: before } of insides)
    for (const { use: enabled, facts: after } of enableds) {
      // One class at both ends has an inconsistent use or is in a cycle, and is reported so.
      if (enabled.use !== OPPOSITE[inside.use] || inside.lock === enabled.lock) continue;
      conflicts.push({ what: 'irq-order', inside, path: [...before, ...middle, ...after], enabled, last });
    }
  return conflicts;
}

/** Where chains of waiting lead from a class that somebody wants, itself included, by the shortest ways. */
function waysFrom(start: Node, recursive: boolean): Way[] {
  const ways: Way[] = [{ node: start, reads: recursive, facts: [] }];
  const seen = new Set([endKey(start, recursive)]);
  // It grows while it is read.
  for (const { node, reads, facts } of ways)
    for (const { to, fact } of node.out) {
      if (to === node || (reads && fact.held.shared) || seen.has(endKey(to, fact.recursive))) continue;
      seen.add(endKey(to, fact.recursive));
      ways.push({ node: to, reads: fact.recursive, facts: [...facts, fact] });
    }
  return ways;
}

/** From where chains of waiting lead to a class that somebody holds, itself included, by the shortest ways. */
function waysTo(end: Node, shared: boolean): Way[] {
  const ways: Way[] = [{ node: end, reads: shared, facts: [] }];
  const seen = new Set([endKey(end, shared)]);
  for (const { node, reads, facts } of ways)
    for (const { from, fact } of node.in) {
      if ((reads && fact.recursive) || seen.has(endKey(from, fact.held.shared))) continue;
      seen.add(endKey(from, fact.held.shared));
      ways.push({ node: from, reads: fact.held.shared, facts: [fact, ...facts] });
    }
  return ways;
}

const endKey = ({ name }: Node, reads: boolean): string => (reads ? `${name} reads` : name);

/** Such uses of the classes where ways end, but for recursive readers who meet readers there. */
const usesAt = (ways: readonly Way[], uses: readonly LockUse[]): UseAtEnd[] =>
  ways.flatMap(({ node, reads, facts }) =>
    uses
      .flatMap((use) => flavours(node, use))
      .filter(({ recursive }) => !(reads && recursive))
      .map((use) => ({ use, facts })),
  );
