/**
 * A conflict as lockdep prints it: who holds what, who wants what, the chain between, and the scenario on two CPUs.
 */
import type { FindingKind } from '../../machine/finding.ts';
import { type Site, siteText } from '../../machine/site.ts';
import {
  HARDIRQ_ON,
  type HeldLock,
  IN_HARDIRQ,
  IN_SOFTIRQ,
  type LockFact,
  type OrderFact,
  type UseFact,
} from './lock-facts.ts';
import type { Conflict, LockGraph } from './lock-graph.ts';

export interface LockReport {
  readonly kind: FindingKind;
  readonly invariant: string;
  /** One sentence with both places. */
  readonly message: string;
  readonly lines: readonly string[];
  readonly site: Site;
  /** The runs in which its facts were seen. */
  readonly runs: readonly number[];
}

const at = (site: Site): string => siteText(site);
const locks = (lock: string, shared: boolean): string => `${shared ? 'rlock' : 'lock'}(${lock});`;
const RULE_END = ' *** DEADLOCK ***';
/** Two columns of what two CPUs do. */
const CPU1 = ' '.repeat(31);

/** `lock`, with what is known of its use. */
const withUse = (graph: LockGraph, lock: string): string => `(${lock}){${graph.usage(lock)}}`;

function title(text: string): string[] {
  const warning = `WARNING: ${text}`;
  return ['='.repeat(warning.length), warning, '-'.repeat(warning.length)];
}

function heldBy(graph: LockGraph, { who, holding }: LockFact): string[] {
  if (holding.length === 0) return [`no locks held by ${who}.`];
  return [
    `${holding.length === 1 ? '1 lock' : `${holding.length} locks`} held by ${who}:`,
    ...holding.map(({ lock, site }, i) => ` #${i}: ${withUse(graph, lock)}, at: ${at(site)}`),
  ];
}

/** How somebody came to take a lock. */
const taking = ({ who, site, holding }: LockFact): string[] => [
  `       ${who} takes it at ${at(site)}`,
  ...holding.map(({ lock, site: since }) => `         holding (${lock}), taken at ${at(since)}`),
];

const sameTwice = (held: HeldLock, { lock, shared }: LockFact): string[] => [
  '       CPU0',
  '       ----',
  `  ${locks(held.lock, held.shared)}`,
  `  ${locks(lock, shared)}`,
];

/** Both sides of a cycle; `last` closes it on the other CPU. */
const crossed = (held: HeldLock, wanted: LockFact, last: { held: HeldLock } & LockFact): string[] => [
  '       CPU0                    CPU1',
  '       ----                    ----',
  `  ${locks(held.lock, held.shared)}`,
  `${CPU1}${locks(last.held.lock, last.held.shared)}`,
  `${CPU1}${locks(last.lock, last.shared)}`,
  `  ${locks(wanted.lock, wanted.shared)}`,
];

/** Two classes are in the scenario; more are named. */
const chainOf = (chain: readonly string[]): string[] =>
  chain.length > 2 ? ['Chain exists of:', `  ${chain.join(' --> ')}`, ''] : [];

type Cycle = Extract<Conflict, { what: 'cycle' }>;
type Use = Extract<Conflict, { what: 'use' }>;
type IrqOrder = Extract<Conflict, { what: 'irq-order' }>;
type Told = Pick<LockReport, 'message' | 'lines'>;

function tellCycle(graph: LockGraph, { facts }: Cycle): Told {
  const [first, ...back] = facts;
  const { held, lock, who, site } = first;
  const last = back.at(-1);
  const chain = [lock, ...back.map((fact) => fact.lock)];
  const name = last === undefined ? 'possible recursive locking' : 'possible circular locking dependency';
  const lines = [
    ...title(`${name} detected`),
    `${who} is trying to acquire lock:`,
    ` ${withUse(graph, lock)}, at: ${at(site)}`,
    '',
    'but task is already holding lock:',
    ` ${withUse(graph, held.lock)}, at: ${at(held.site)}`,
    '',
  ];
  if (last !== undefined) {
    lines.push('which lock already depends on the new lock.', '');
    lines.push('the existing dependency chain (in reverse order) is:');
    for (const [i, fact] of facts.toReversed().entries())
      lines.push('', `-> #${facts.length - 1 - i} ${withUse(graph, fact.lock)}:`, ...taking(fact));
    lines.push('');
  }
  lines.push('other info that might help us debug this:', '');
  lines.push(...chainOf(chain));
  lines.push(' Possible unsafe locking scenario:', '');
  lines.push(...(last === undefined ? sameTwice(held, first) : crossed(held, first, last)), '', RULE_END, '');
  if (last === undefined) lines.push(' May be due to missing lock nesting notation', '');
  lines.push(...heldBy(graph, first));
  const other =
    last === undefined
      ? ', which is of the same class'
      : `; ${last.who} takes ${last.lock} at ${at(last.site)} while it holds ${last.held.lock}`;
  const message = `${name}: ${who} takes ${lock} at ${at(site)} while it holds ${held.lock} (taken at ${at(held.site)})${other}`;
  return { message, lines };
}

const irqOf = ({ use }: UseFact): string => (use === IN_HARDIRQ || use === HARDIRQ_ON ? 'HARDIRQ' : 'SOFTIRQ');
/** `IN-HARDIRQ-W`, `SOFTIRQ-ON-R`. */
const stateOf = (fact: UseFact): string => {
  const how = fact.shared ? 'R' : 'W';
  return fact.use === IN_HARDIRQ || fact.use === IN_SOFTIRQ ? `IN-${irqOf(fact)}-${how}` : `${irqOf(fact)}-ON-${how}`;
};

function tellUse(graph: LockGraph, { inside, enabled, last }: Use): Told {
  const before = last === inside ? enabled : inside;
  const states = `{${stateOf(before)}} -> {${stateOf(last as UseFact)}}`;
  const lines = [
    ...title('inconsistent lock state'),
    `inconsistent ${states} usage.`,
    `${last.who} takes:`,
    ` ${withUse(graph, last.lock)}, at: ${at(last.site)}`,
    `{${stateOf(before)}} state was registered at:`,
    ...taking(before),
    '',
    'other info that might help us debug this:',
    '',
    ' Possible unsafe locking scenario:',
    '',
    '       CPU0',
    '       ----',
    `  ${locks(enabled.lock, enabled.shared)}`,
    '  <Interrupt>',
    `    ${locks(inside.lock, inside.shared)}`,
    '',
    RULE_END,
    '',
    ...heldBy(graph, last),
  ];
  const irq = irqOf(inside).toLowerCase();
  const message = `inconsistent lock state: ${inside.who} takes ${inside.lock} at ${at(inside.site)} in a ${irq}, and ${enabled.who} holds it at ${at(enabled.site)} with ${irq}s on`;
  return { message, lines };
}

/** How a class came to the use that makes it safe or unsafe. */
const became = (how: 'safe' | 'unsafe', fact: UseFact): string[] => [
  `... which became ${irqOf(fact)}-irq-${how} at:`,
  ...taking(fact),
];

/** A new order connects two classes. */
const tellConnected = (graph: LockGraph, last: OrderFact, { inside, enabled }: IrqOrder): string[] => [
  ...title(`${irqOf(inside)}-safe -> ${irqOf(inside)}-unsafe lock order detected`),
  `${last.who} is trying to acquire:`,
  ` ${withUse(graph, last.lock)}, at: ${at(last.site)}`,
  '',
  'and this task is already holding:',
  ` ${withUse(graph, last.held.lock)}, at: ${at(last.held.site)}`,
  'which would create a new lock dependency:',
  ` ${withUse(graph, last.held.lock)} -> ${withUse(graph, last.lock)}`,
  '',
  `but this new dependency connects a ${irqOf(inside)}-irq-safe lock:`,
  ` ${withUse(graph, inside.lock)}`,
  ...became('safe', inside),
  '',
  `to a ${irqOf(inside)}-irq-unsafe lock:`,
  ` ${withUse(graph, enabled.lock)}`,
  ...became('unsafe', enabled),
];

/** One of two classes that are connected is used in a new way. */
function tellInversion(graph: LockGraph, last: UseFact, { inside, enabled }: IrqOrder): string[] {
  const irq = irqOf(inside);
  return [
    ...title('possible irq lock inversion dependency detected'),
    `${last.who} just changed the state of lock:`,
    ` ${withUse(graph, last.lock)}, at: ${at(last.site)}`,
    last === inside
      ? `but this lock took another, ${irq}-unsafe lock in the past:`
      : `but this lock was taken by another, ${irq}-safe lock in the past:`,
    ` ${withUse(graph, last === inside ? enabled.lock : inside.lock)}`,
    ...(last === inside ? became('unsafe', enabled) : became('safe', inside)),
    '',
    'and interrupts could create inverse lock ordering between them.',
  ];
}

function tellIrqOrder(graph: LockGraph, conflict: IrqOrder): Told {
  const { inside, path, enabled, last } = conflict;
  const irq = irqOf(inside);
  const [first] = path;
  if (first === undefined) throw new Error('a path without an edge');
  const lines = [
    ...(last.fact === 'order' ? tellConnected(graph, last, conflict) : tellInversion(graph, last, conflict)),
    '',
    'other info that might help us debug this:',
    '',
    ...chainOf([first.held.lock, ...path.map(({ lock }) => lock)]),
    ' Possible interrupt unsafe locking scenario:',
    '',
    '       CPU0                    CPU1',
    '       ----                    ----',
    `  ${locks(enabled.lock, enabled.shared)}`,
    `${CPU1}local_irq_disable();`,
    `${CPU1}${locks(first.held.lock, first.held.shared)}`,
    `${CPU1}${locks(first.lock, first.shared)}`,
    '  <Interrupt>',
    `    ${locks(inside.lock, inside.shared)}`,
    '',
    RULE_END,
    '',
    ...heldBy(graph, last),
    '',
    `the dependencies between the ${irq}-irq-safe lock and the ${irq}-irq-unsafe lock:`,
    ...path.flatMap((fact) => ['', `-> ${withUse(graph, fact.lock)}:`, ...taking(fact)]),
  ];
  const message = `${irq}-safe -> ${irq}-unsafe lock order: ${first.who} takes ${first.lock} at ${at(first.site)} while it holds ${first.held.lock}, which ${inside.who} takes at ${at(inside.site)}; ${enabled.who} holds ${enabled.lock} at ${at(enabled.site)} with ${irq.toLowerCase()}s on`;
  return { message, lines };
}

function factsOf(conflict: Conflict): readonly LockFact[] {
  if (conflict.what === 'cycle') return conflict.facts;
  const path = conflict.what === 'irq-order' ? conflict.path : [];
  return [conflict.inside, ...path, conflict.enabled];
}

function tell(graph: LockGraph, conflict: Conflict): Told {
  if (conflict.what === 'cycle') return tellCycle(graph, conflict);
  return conflict.what === 'use' ? tellUse(graph, conflict) : tellIrqOrder(graph, conflict);
}

const kindOf = ({ what }: Conflict): FindingKind => (what === 'cycle' ? 'lock-order' : 'irq-unsafe');

/** Conflicts of which one report is enough: of one kind, about the same two classes. */
export function reportedOnceAs(conflict: Conflict): string {
  const [one, other] =
    conflict.what === 'cycle'
      ? [conflict.facts[0].lock, conflict.facts[0].held.lock]
      : [conflict.inside.lock, conflict.enabled.lock];
  return [kindOf(conflict), ...[one, other].sort()].join(' ');
}

export function lockReport(graph: LockGraph, conflict: Conflict): LockReport {
  const { site } = conflict.what === 'cycle' ? conflict.facts[0] : conflict.last;
  return {
    kind: kindOf(conflict),
    invariant: conflict.what === 'cycle' ? 'I16' : 'I17',
    ...tell(graph, conflict),
    site,
    runs: [...new Set(factsOf(conflict).map(({ run }) => run))].sort((a, b) => a - b),
  };
}
