/** What the CPUs of the real machine have learned, joined over CPUs and rounds. */
import { test } from 'tap';
import { JoinedLocks } from '../../src/cli/joined-locks.ts';
import { STEP_ORDERS } from '../../src/scenarios/selftest/irq-uses.ts';
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
} from '../../src/shared/lockdep/lock-facts.ts';

const LEARNED = { shared: false, recursive: false, site: 0, who: 'task', run: 1 };
const holdOf = (lock: string): HeldLock => ({ lock, shared: false, site: 0 });

/** A task takes `lock` while it holds `held`. */
const order = (held: string, lock: string, learned: Partial<OrderFact> = {}): OrderFact => ({
  ...LEARNED,
  fact: 'order',
  held: holdOf(held),
  lock,
  holding: [holdOf(held)],
  ...learned,
});
const use = (lock: string, how: LockUse, learned: Partial<UseFact> = {}): UseFact => ({
  ...LEARNED,
  fact: 'use',
  use: how,
  lock,
  holding: [],
  ...learned,
});
const irq = (lock: string): UseFact => use(lock, IN_HARDIRQ, { who: 'hardirq on CPU 1' });
const unsafe = (lock: string): UseFact => use(lock, HARDIRQ_ON);
const reads = (lock: string, how: LockUse): UseFact => use(lock, how, { shared: true, recursive: true });

const note = (...facts: readonly LockFact[]): string => JSON.stringify(facts);
const inRun = (held: string, lock: string, run: number): string => note(order(held, lock, { run, who: `task${run}` }));

/** What is reported of these facts, each with what it is about: `irq A>B`, `cycle A B`, `use A`. */
function reported(joined: JoinedLocks, ...facts: readonly LockFact[]): string[] {
  return joined.add([note(...facts)]).map(({ kind, message, report = [] }) => {
    const scenario = report.filter((line) => /lock\(/.test(line)).map((line) => /lock\((.*)\)/.exec(line)?.[1]);
    if (kind === 'lock-order') return `cycle ${[...new Set(scenario)].sort().join(' ')}`;
    return message.startsWith('inconsistent') ? `use ${scenario[0]}` : `irq ${scenario.at(-1)}>${scenario[0]}`;
  });
}
test('orders of different CPUs and of different rounds are one conflict, which is reported once', async (t) => {
  const joined = new JoinedLocks();
  t.strictSame(joined.add([inRun('&a', '&b', 1), inRun('&b', '&c', 1)]), []);
  t.strictSame(joined.add([]), []);
  const found = joined.add([inRun('&c', '&a', 7)]);
  t.match(found, [{ kind: 'lock-order', invariant: 'I16', message: /task7 takes &a .* while it holds &c/ }]);
  t.match(found[0]?.report?.join('\n'), /Chain exists of:\n {2}&a --> &b --> &c\n/);
  t.strictSame(joined.add([inRun('&c', '&a', 8)]), [], 'the same again');
  t.match(joined.add([inRun('&b', '&a', 9)]), [{ message: /task9 takes &a .* while it holds &b/ }], 'another pair');
});

test('both orders in the notes of one round are found', async (t) => {
  t.equal(new JoinedLocks().add([inRun('&a', '&b', 1), inRun('&b', '&a', 1)]).length, 1);
  t.equal(new JoinedLocks().add([inRun('&a', '&b', 1), inRun('&a', '&b', 1)]).length, 0);
});

test('a use in interrupts, an order and a use with interrupts on conflict in whatever order they come', async (t) => {
  const facts = { 1: irq('&a'), 2: order('&a', '&b'), 3: unsafe('&b') } as const;
  for (const steps of STEP_ORDERS)
    t.strictSame(reported(new JoinedLocks(), ...steps.map((step) => facts[step])), ['irq &a>&b'], steps.join());
});

test('an irq order that was reported hides no other one of the same class', async (t) => {
  const known = (): JoinedLocks => {
    const joined = new JoinedLocks();
    t.strictSame(reported(joined, irq('&a'), order('&a', '&b'), unsafe('&b')), ['irq &a>&b']);
    return joined;
  };
  t.strictSame(reported(known(), unsafe('&d'), order('&a', '&d')), ['irq &a>&d'], 'a new order from the safe class');
  t.strictSame(reported(known(), order('&a', '&d'), unsafe('&d')), ['irq &a>&d'], 'a new unsafe use');
  t.strictSame(reported(known(), irq('&s'), order('&s', '&b')), ['irq &s>&b'], 'a new order to the unsafe class');
  t.strictSame(reported(known(), order('&s', '&b'), irq('&s')), ['irq &s>&b'], 'a new use in interrupts');
  t.strictSame(reported(known(), order('&c', '&b'), order('&a', '&c')), [], 'another way between the same two');
});

test('an order completes the irq order of each class before it with each behind it', async (t) => {
  const joined = new JoinedLocks();
  t.strictSame(reported(joined, irq('&a'), irq('&s'), unsafe('&b'), unsafe('&d')), []);
  t.strictSame(reported(joined, order('&a', '&s'), order('&b', '&d')), []);
  t.strictSame(reported(joined, order('&s', '&b')), ['irq &s>&b', 'irq &s>&d', 'irq &a>&b', 'irq &a>&d']);
  t.strictSame(reported(joined, use('&a', IN_SOFTIRQ), use('&d', SOFTIRQ_ON)), [], 'one report for two classes');
});

test('a use in interrupts conflicts with every unsafe class that it leads to', async (t) => {
  const joined = new JoinedLocks();
  t.strictSame(reported(joined, order('&a', '&b'), order('&b', '&c'), unsafe('&b'), unsafe('&c')), []);
  t.strictSame(reported(joined, irq('&a')), ['irq &a>&b', 'irq &a>&c']);
});

test('a cycle, or an inconsistent use, and an irq order that one fact completes are both reported', async (t) => {
  const cycle = new JoinedLocks();
  t.strictSame(reported(cycle, irq('&a'), unsafe('&c'), order('&b', '&a'), order('&b', '&c')), []);
  t.strictSame(reported(cycle, order('&a', '&b')), ['cycle &a &b', 'irq &a>&c']);
  const inconsistent = new JoinedLocks();
  t.strictSame(reported(inconsistent, irq('&a'), irq('&b'), order('&a', '&b')), []);
  t.strictSame(reported(inconsistent, unsafe('&b')), ['use &b', 'irq &a>&b']);
});

test('no irq order goes over readers who do not wait for each other', async (t) => {
  const held: HeldLock = { ...holdOf('&m'), shared: true };
  const onward = order('&m', '&b', { held, holding: [held] });
  const asReader = order('&a', '&m', { shared: true, recursive: true });
  t.strictSame(reported(new JoinedLocks(), irq('&a'), unsafe('&b'), asReader, onward), [], 'the last is the way out');
  t.strictSame(reported(new JoinedLocks(), irq('&a'), unsafe('&b'), onward, asReader), [], 'the last is the way in');
  t.strictSame(reported(new JoinedLocks(), irq('&a'), asReader, reads('&m', HARDIRQ_ON)), [], 'at its end');
  t.strictSame(reported(new JoinedLocks(), reads('&m', IN_HARDIRQ), onward, unsafe('&b')), [], 'at its beginning');
  const joined = new JoinedLocks();
  t.strictSame(
    reported(joined, irq('&a'), unsafe('&b'), asReader, onward, order('&a', '&m')),
    ['irq &a>&b'],
    'a writer',
  );
});
