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
  readonly to: Node;
  readonly fact: OrderFact;
}

interface Node {
  readonly name: string;
  readonly out: Edge[];
  readonly from: Node[];
  /** By use, and by whether all who use it so are recursive readers: 2 * use + (recursive ? 1 : 0). */
  readonly uses: (UseFact | undefined)[];
}

interface Reached {
  readonly node: Node;
  /** As a recursive reader. */
  readonly recursive: boolean;
  readonly fact: OrderFact | null;
  readonly before: Reached | null;
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
      node = { name, out: [], from: [], uses: [] };
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

  /** Learns a fact; gives what it conflicts with. A fact that is known already conflicts with nothing new. */
  add(fact: LockFact): Conflict | null {
    if (this.knows(fact)) return null;
    return fact.fact === 'order' ? this.#addOrder(fact) : this.#addUse(fact);
  }

  #addOrder(fact: OrderFact): Conflict | null {
    const { held } = fact;
    const from = this.#node(held.lock);
    const to = this.#node(fact.lock);
    from.out.push({ to, fact });
    if (from === to) return held.shared && fact.recursive ? null : { what: 'cycle', facts: [fact] };
    if (!to.from.includes(from)) to.from.push(from);
    const back = path(to, fact.recursive, ({ node, recursive }) => node === from && !(recursive && held.shared));
    if (back !== null) return { what: 'cycle', facts: [fact, ...back] };
    return this.#irqOrder(from, fact);
  }

  #addUse(fact: UseFact): Conflict | null {
    const node = this.#node(fact.lock);
    node.uses[useIndex(fact)] = fact;
    for (const other of flavours(node, OPPOSITE[fact.use])) {
      // Readers who need not wait for each other may meet.
      if (fact.recursive && other.recursive) continue;
      const [inside, enabled] = isInside(fact.use) ? [fact, other] : [other, fact];
      return { what: 'use', inside, enabled, last: fact };
    }
    return isInside(fact.use) ? irqPath(node, fact, fact) : this.#irqOrder(node, fact);
  }

  /** An edge or a use at `node` is new: does a class of interrupts lead there? */
  #irqOrder(node: Node, last: LockFact): Conflict | null {
    for (const before of backwards(node))
      for (const use of INSIDE)
        for (const inside of flavours(before, use)) {
          const conflict = irqPath(before, inside, last);
          if (conflict !== null) return conflict;
        }
    return null;
  }
}

/** The way from a class that interrupts take to one that such an interrupt may find held. */
function irqPath(from: Node, inside: UseFact, last: LockFact): Conflict | null {
  let enabled: UseFact | undefined;
  const found = path(from, inside.recursive, ({ node, recursive }) => {
    enabled = flavours(node, OPPOSITE[inside.use]).find((fact) => !(recursive && fact.recursive));
    return enabled !== undefined;
  });
  return found === null || enabled === undefined ? null : { what: 'irq-order', inside, path: found, enabled, last };
}

/** The shortest chain of waiting from a node that somebody wants, to where `isGoal` is; null: there is none. */
function path(start: Node, recursive: boolean, isGoal: (reached: Reached) => boolean): OrderFact[] | null {
  const queue: Reached[] = [{ node: start, recursive, fact: null, before: null }];
  // It grows while it is read.
  for (const reached of queue) {
    for (const { to, fact } of reached.node.out) {
      if (reached.recursive && fact.held.shared) continue;
      const next: Reached = { node: to, recursive: fact.recursive, fact, before: reached };
      if (to === reached.node || queue.some((each) => each.node === to && each.recursive === next.recursive)) continue;
      if (isGoal(next)) return factsTo(next);
      queue.push(next);
    }
  }
  return null;
}

function factsTo(reached: Reached): OrderFact[] {
  const facts: OrderFact[] = [];
  for (let at: Reached | null = reached; at !== null; at = at.before) if (at.fact !== null) facts.unshift(at.fact);
  return facts;
}

/** The node and all from which a path leads to it. */
function backwards(node: Node): Node[] {
  const nodes = [node];
  for (let i = 0; i < nodes.length; i++)
    for (const before of (nodes[i] as Node).from) if (!nodes.includes(before)) nodes.push(before);
  return nodes;
}
