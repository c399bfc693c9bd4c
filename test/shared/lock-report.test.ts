/** Whole reports of the lock validator, line by line, as lockdep prints them. */
import { test } from 'tap';
import { named } from '../../src/machine/site.ts';
import {
  HARDIRQ_ON,
  type HeldLock,
  IN_HARDIRQ,
  IN_SOFTIRQ,
  type LockFact,
  type LockUse,
  SOFTIRQ_ON,
} from '../../src/shared/lockdep/lock-facts.ts';
import { LockGraph } from '../../src/shared/lockdep/lock-graph.ts';
import { lockReport } from '../../src/shared/lockdep/lock-report.ts';

/** Who takes a lock, at which place, and with what held. */
interface Taking {
  readonly who: string;
  readonly lock: string;
  readonly place: string;
  readonly holding?: readonly HeldLock[];
  readonly shared?: boolean;
}

const held = (lock: string, place: string, shared = false): HeldLock => ({ lock, shared, site: named(place) });
const learned = ({ who, lock, place, holding = [], shared = false }: Taking) =>
  ({ who, lock, site: named(place), holding, shared, recursive: false, run: 1 }) as const;
const use = (how: LockUse, taking: Taking): LockFact => ({ fact: 'use', use: how, ...learned(taking) });
/** After the innermost of those that are held. */
const order = (taking: Taking): LockFact => {
  const inner = taking.holding?.at(-1);
  if (inner === undefined) throw new Error('an order needs a lock that is held');
  return { fact: 'order', held: inner, ...learned(taking) };
};

/** The report of the only conflict between these facts, which the last one completes. */
function reportOf(...facts: readonly LockFact[]): readonly string[] {
  const graph = new LockGraph();
  const conflicts = facts.map((fact) => graph.add(fact));
  const [conflict, ...more] = conflicts.pop() ?? [];
  if (conflict === undefined || more.length > 0 || conflicts.flat().length > 0) throw new Error('not one conflict');
  return lockReport(graph, conflict).lines;
}

/** A text without its first line break, and without the last one. */
const linesOf = (text: string): string[] => text.split('\n').slice(1, -1);

test('two locks of one class: possible recursive locking', async (t) => {
  const outer = held('&s->lock', 'first', true);
  const facts = [
    use(HARDIRQ_ON, { who: 'task', lock: '&s->lock', place: 'first', shared: true }),
    order({ who: 'task', lock: '&s->lock', place: 'second', holding: [held('&m', 'outermost'), outer] }),
  ];
  t.strictSame(
    reportOf(...facts),
    linesOf(`
============================================
WARNING: possible recursive locking detected
--------------------------------------------
task is trying to acquire lock:
 (&s->lock){+...}, at: second

but task is already holding lock:
 (&s->lock){+...}, at: first

other info that might help us debug this:

 Possible unsafe locking scenario:

       CPU0
       ----
  rlock(&s->lock);
  lock(&s->lock);

 *** DEADLOCK ***

 May be due to missing lock nesting notation

2 locks held by task:
 #0: (&m){....}, at: outermost
 #1: (&s->lock){+...}, at: first
`),
  );
});

const IRQ = { who: 'hardirq on CPU 1', lock: '&io->lock', place: 'endIo' };
const TASK = { who: 'task', lock: '&io->lock', place: 'submit', holding: [held('&m', 'open')] };

test('a lock in interrupts and with interrupts on: inconsistent lock state', async (t) => {
  t.strictSame(
    reportOf(use(IN_HARDIRQ, IRQ), use(HARDIRQ_ON, TASK)),
    linesOf(`
================================
WARNING: inconsistent lock state
--------------------------------
inconsistent {IN-HARDIRQ-W} -> {HARDIRQ-ON-W} usage.
task takes:
 (&io->lock){?...}, at: submit
{IN-HARDIRQ-W} state was registered at:
       hardirq on CPU 1 takes it at endIo

other info that might help us debug this:

 Possible unsafe locking scenario:

       CPU0
       ----
  lock(&io->lock);
  <Interrupt>
    lock(&io->lock);

 *** DEADLOCK ***

1 lock held by task:
 #0: (&m){....}, at: open
`),
  );
});

test('the same in the other order, of readers in softirqs', async (t) => {
  t.strictSame(
    reportOf(
      use(SOFTIRQ_ON, { ...TASK, shared: true }),
      use(IN_SOFTIRQ, { ...IRQ, who: 'softirq on CPU 1', shared: true }),
    ),
    linesOf(`
================================
WARNING: inconsistent lock state
--------------------------------
inconsistent {SOFTIRQ-ON-R} -> {IN-SOFTIRQ-R} usage.
softirq on CPU 1 takes:
 (&io->lock){..?.}, at: endIo
{SOFTIRQ-ON-R} state was registered at:
       task takes it at submit
         holding (&m), taken at open

other info that might help us debug this:

 Possible unsafe locking scenario:

       CPU0
       ----
  rlock(&io->lock);
  <Interrupt>
    rlock(&io->lock);

 *** DEADLOCK ***

no locks held by softirq on CPU 1.
`),
  );
});

/** Interrupts take `&a`; under it somebody takes `&b`, under that somebody else `&c`, and `&c` is held with interrupts on. */
const SAFE = use(IN_HARDIRQ, { ...IRQ, lock: '&a' });
const A_B = order({ who: 'mapper', lock: '&b', place: 'map', holding: [held('&a', 'begin')] });
const B_C = order({ who: 'task', lock: '&c', place: 'requeue', holding: [held('&b', 'collect')] });
const UNSAFE = use(HARDIRQ_ON, { who: 'status', lock: '&c', place: 'show' });
const SCENARIO = ` Possible interrupt unsafe locking scenario:

       CPU0                    CPU1
       ----                    ----
  lock(&c);
                               local_irq_disable();
                               lock(&a);
                               lock(&b);
  <Interrupt>
    lock(&a);

 *** DEADLOCK ***
`;
const DEPENDENCIES = `the dependencies between the HARDIRQ-irq-safe lock and the HARDIRQ-irq-unsafe lock:

-> (&b){....}:
       mapper takes it at map
         holding (&a), taken at begin

-> (&c){+...}:
       task takes it at requeue
         holding (&b), taken at collect`;

test('a new order from a class of interrupts, over another, to one that is unsafe: HARDIRQ-safe -> HARDIRQ-unsafe', async (t) => {
  t.strictSame(
    reportOf(SAFE, UNSAFE, A_B, B_C),
    linesOf(`
===========================================================
WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected
-----------------------------------------------------------
task is trying to acquire:
 (&c){+...}, at: requeue

and this task is already holding:
 (&b){....}, at: collect
which would create a new lock dependency:
 (&b){....} -> (&c){+...}

but this new dependency connects a HARDIRQ-irq-safe lock:
 (&a){-...}
... which became HARDIRQ-irq-safe at:
       hardirq on CPU 1 takes it at endIo

to a HARDIRQ-irq-unsafe lock:
 (&c){+...}
... which became HARDIRQ-irq-unsafe at:
       status takes it at show

other info that might help us debug this:

Chain exists of:
  &a --> &b --> &c

${SCENARIO}
1 lock held by task:
 #0: (&b){....}, at: collect

${DEPENDENCIES}
`),
  );
});

test('a new use with interrupts on, behind a class of interrupts: possible irq lock inversion', async (t) => {
  t.strictSame(
    reportOf(SAFE, A_B, B_C, UNSAFE),
    linesOf(`
========================================================
WARNING: possible irq lock inversion dependency detected
--------------------------------------------------------
status just changed the state of lock:
 (&c){+...}, at: show
but this lock was taken by another, HARDIRQ-safe lock in the past:
 (&a){-...}
... which became HARDIRQ-irq-safe at:
       hardirq on CPU 1 takes it at endIo

and interrupts could create inverse lock ordering between them.

other info that might help us debug this:

Chain exists of:
  &a --> &b --> &c

${SCENARIO}
no locks held by status.

${DEPENDENCIES}
`),
  );
});

test('a new use in interrupts, before an unsafe class: possible irq lock inversion', async (t) => {
  const lines = reportOf(A_B, B_C, UNSAFE, SAFE);
  t.strictSame(
    lines.slice(3, 10),
    linesOf(`
hardirq on CPU 1 just changed the state of lock:
 (&a){-...}, at: endIo
but this lock took another, HARDIRQ-unsafe lock in the past:
 (&c){+...}
... which became HARDIRQ-irq-unsafe at:
       status takes it at show

`),
  );
  t.ok(lines.join('\n').includes(SCENARIO));
});
