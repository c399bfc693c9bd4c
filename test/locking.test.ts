/**
 * docs/LOCKING.md is data: its rows are the locks that the code declares, and what runs on the model machine keeps its order.
 */
import { readFileSync } from 'node:fs';
import { type Test, test } from 'tap';
import { REQ_WRITE } from '../src/block/bio.ts';
import { minorLock } from '../src/block/block-device.ts';
import { DmTable } from '../src/core/dm-table.ts';
import { dmTableEvent, dmWaitEvent } from '../src/core/event.ts';
import { doResume, doSuspend } from '../src/core/ioctl.ts';
import { dmTargetMessage } from '../src/core/target-message.ts';
import { Search } from '../src/explore/explore.ts';
import { Walk } from '../src/explore/strategies/walk.ts';
import { bindListeners } from '../src/machine/events.ts';
import type { Kernel } from '../src/machine/kernel.ts';
import type { Program } from '../src/machine/machine.ts';
import { DEVICE_WORDS, Device } from '../src/scenarios/device.ts';
import { scenarios, scenariosOf, suites, suitesOf } from '../src/scenarios/registry.ts';
import type { Scenario, Suite } from '../src/scenarios/scenario.ts';
import { submitIo, waitIo } from '../src/scenarios/user-io.ts';
import { Lockdep } from '../src/shared/lockdep/lockdep.ts';
import { spinLock, spinLockIrqsave, spinUnlock, spinUnlockIrqrestore } from '../src/shared/spinlock.ts';
import { attachMemory, declaredLocks, type LockType, planMachineMemory } from '../src/shared/struct-registry.ts';
import { bindScripts } from '../src/targets/scripted.ts';
import { installVariant } from '../src/variants/variants.ts';
import { sourceText, tableRows } from './support/documents.ts';
import { type LockRow, LockWatch } from './support/lock-watch.ts';
import type { Runnable } from './support/model.ts';

const PAGE = readFileSync(new URL('../../docs/LOCKING.md', import.meta.url), 'utf8');
const cells = tableRows(PAGE, ['lock', 'kind', 'guards', 'order', 'irq-safe', 'taken by']);
const rows: readonly LockRow[] = cells.map(([lock = '', kind, , order, irqSafe]) => ({
  lock: lock.replaceAll('`', ''),
  kind: kind as LockType,
  order: Number(order),
  irqSafe: irqSafe === 'yes' ? 'yes' : irqSafe === 'writers' ? 'writers' : 'process-only',
}));

const EXECUTIONS = 100;
/** One round of each suite. */
const roundsOf = (some: readonly Suite[]): Scenario[] => some.map((suite) => suite.round(1, 0, 2));
const MACHINES: readonly Machine[] = [
  { lock: 'tas', preset: 'unified' },
  { lock: 'ticket', preset: '2.6.20' },
];

interface Machine {
  readonly lock: 'tas' | 'ticket';
  readonly preset: string;
}

function programsFor({ preset }: Machine): Runnable[] {
  return [...scenariosOf(preset), ...roundsOf(suitesOf(preset)), poolsAndEvents, activation, delayed];
}

/** Runs a program on the model machine with the watch and, unless it breaks rules on purpose, the lock validator listening. */
function watched(
  t: Test,
  watch: LockWatch,
  { lock, preset }: Machine,
  program: Runnable,
  lockdep: Lockdep | null,
): void {
  t.teardown(() => bindListeners([]));
  installVariant({ preset, bug: null });
  const build = (): Program => {
    const built = program.build();
    watch.listen(lockdep === null ? [] : [lockdep.hear]);
    return built;
  };
  const search = new Search(build, new Walk(1), {
    settings: { cpus: program.cpus, lock, oracles: false },
    slots: program.slots ?? {},
    staticWords: program.staticWords,
    stepLimit: 100_000,
    lockdep,
  });
  for (let run = 0; run < EXECUTIONS && search.run(1); run++) watch.restart();
  const { finding } = search.result();
  t.equal(finding, null, finding?.message ?? 'no finding');
}

function* writeOne(device: Device, sector: number): Kernel<void> {
  const io = yield* submitIo(device.bdev, { sector, size: 1, flags: REQ_WRITE, stamp: 1 });
  yield* waitIo(io);
}

/** Who waits for an event, who makes one, and two bios that share one dm_io. */
const poolsAndEvents: Runnable = {
  cpus: 2,
  slots: { 'dm-io': 1 },
  staticWords: DEVICE_WORDS,
  build(): Program {
    const device = new Device();
    return {
      setup: () => device.create({ mode: 'hardirq', table: '0 4 linear disk0 0' }),
      actors: [
        { name: 'writer0', cpu: 0, run: () => writeOne(device, 0) },
        { name: 'writer1', cpu: 1, run: () => writeOne(device, 1) },
        {
          name: 'waiter',
          cpu: 0,
          *run(): Kernel<void> {
            yield* dmWaitEvent(device.md, 0);
          },
        },
        { name: 'source', cpu: 1, run: () => dmTableEvent(DmTable.at(device.md.map)) },
      ],
    };
  },
};

/** A group is being activated while its only path fails: the bio fails, and the suspend waits for the handler. */
const activation: Runnable = {
  cpus: 2,
  staticWords: DEVICE_WORDS,
  build(): Program {
    const device = new Device();
    return {
      setup: () => device.create({ mode: 'hardirq', table: '0 4 multipath 0 1 simulated 1 1 round-robin 0 1 0 disk0' }),
      actors: [
        { name: 'writer', cpu: 0, run: () => writeOne(device, 0) },
        {
          name: 'operator',
          cpu: 1,
          *run(): Kernel<void> {
            yield* dmTargetMessage(device.md, 0, 'fail_path disk0');
            yield* doSuspend(device.md, 0);
            yield* doResume(device.md, 0);
          },
        },
      ],
    };
  },
};

/** One I/O that a target delays. */
const delayed: Runnable = {
  cpus: 1,
  staticWords: DEVICE_WORDS,
  build(): Program {
    const device = new Device();
    return {
      setup: () => device.create({ mode: 'hardirq', table: '0 4 delay disk0 0 1' }),
      actors: [{ name: 'writer', cpu: 0, run: () => writeOne(device, 0) }],
    };
  },
};

test('each lock that the code declares has one row, of its kind, and each row has its lock', async (t) => {
  const plan = planMachineMemory({ cpus: 1, allocators: 1, slots: {}, staticWords: 4096 });
  attachMemory(new Int32Array(plan.size), plan, 0, true);
  const required = [...declaredLocks()].map(({ name, type }) => `${name} ${type}`).sort();
  const described = rows.map(({ lock, kind }) => `${lock} ${kind}`).sort();
  t.strictSame(
    required.filter((lock) => !described.includes(lock)),
    [],
    'locks without a row',
  );
  t.strictSame(
    described.filter((lock, i) => described.indexOf(lock) !== i),
    [],
    'rows that are there twice',
  );
  for (const scenario of [...scenarios, ...roundsOf(suites)]) scenario.build();
  const declared = [...declaredLocks()].map(({ name, type }) => `${name} ${type}`);
  t.strictSame(
    described.filter((lock) => !declared.includes(lock)),
    [],
    'rows without a lock',
  );
});

test('each row has a number for its order, a plain word for irq-safe, and names functions that exist', async (t) => {
  const source = sourceText('src');
  const wrong = cells.flatMap(([lock, , , order = '', irqSafe = '', takenBy = '']) => {
    const complaints: string[] = [];
    if (!/^\d+$/.test(order)) complaints.push(`${lock}: order ${order}`);
    if (!['yes', 'process-only', 'writers'].includes(irqSafe)) complaints.push(`${lock}: irq-safe ${irqSafe}`);
    const names = [...takenBy.matchAll(/`(\w+)`/g)].map((match) => match[1] as string);
    if (names.length === 0) complaints.push(`${lock}: taken by nobody`);
    for (const name of names)
      if (!new RegExp(`(?:function\\*? |\\*#?)${name}\\b`).test(source)) complaints.push(`${lock}: taken by ${name}`);
    return complaints;
  });
  t.strictSame(wrong, []);
});

test('what runs takes the locks in the order of the table and in the contexts that it allows', async (t) => {
  const watch = new LockWatch(rows);
  const seen = new Set<string>();
  for (const machine of MACHINES)
    for (const program of programsFor(machine)) {
      const lockdep = new Lockdep({ throws: true });
      watched(t, watch, machine, program, lockdep);
      for (const fact of lockdep.graph.facts()) if (fact.fact === 'order') seen.add(`${fact.held.lock} > ${fact.lock}`);
    }
  checkGraph(t, seen);
  t.strictSame([...watch.complaints], []);
  t.strictSame(
    rows.map(({ lock }) => lock).filter((lock) => !watch.taken.has(lock)),
    [],
    'locks that were never taken',
  );
  for (const pair of [
    '&md->suspend_lock > &md->io_lock',
    '&md->suspend_lock > &_event_lock',
    '&md->io_lock > &md->pushback_lock',
    '&md->pushback_lock > &md->deferred_lock',
  ])
    t.ok(watch.nested.has(pair), pair);
});

/** The rows of the graph that was seen, as docs/LOCKING.md has them. */
function graphRows(seen: ReadonlySet<string>): string[][] {
  const lockOf = new Map(rows.map((row) => [row.lock, row]));
  const edges = [...seen].map((edge) => edge.split(' > ') as [string, string]);
  // The spinlocks inside sleeping locks are leaves, and locks that only a scenario has are its own business.
  const isKnown = (name: string): boolean => lockOf.has(name) || name.startsWith('(');
  const places = [...rows.map(({ lock }) => lock), ...new Set(edges.flat().filter((name) => name.startsWith('(')))];
  const inOrder = (names: readonly string[]): string =>
    [...new Set(names)]
      .sort((a, b) => places.indexOf(a) - places.indexOf(b) || a.localeCompare(b))
      .map((name) => `\`${name}\``)
      .join(', ') || '-';
  return places.flatMap((held) => {
    const taken = edges.filter(([outer, inner]) => outer === held && isKnown(inner)).map(([, inner]) => inner);
    const { order = 0 } = lockOf.get(held) ?? {};
    const never = rows.filter((row) => order > 0 && row.order > order && row.order < 100 && !taken.includes(row.lock));
    // What a completion needs depends on who ends the I/O: any task may, under an inline disk.
    if (taken.length === 0 || held.startsWith('(complete)')) return [];
    return [[`\`${held}\``, inOrder(taken), inOrder(never.map(({ lock }) => lock))]];
  });
}

/** The graph that the validator has seen is the one that docs/LOCKING.md describes, and has no edge against its order. */
function checkGraph(t: Test, seen: ReadonlySet<string>): void {
  const orderOf = new Map(rows.map(({ lock, order }) => [lock, order]));
  const against = [...seen].filter((edge) => {
    const [held, taken] = edge.split(' > ').map((lock) => orderOf.get(lock));
    return held !== undefined && taken !== undefined && held >= taken;
  });
  t.strictSame(against, [], 'edges against the order of the table');
  const described = tableRows(PAGE, ['held', 'then taken or waited for', 'allowed, never seen']);
  const [page, graph] = [described, graphRows(seen)].map((table) => table.map((row) => `| ${row.join(' | ')} |`));
  const isSame = t.strictSame(page, graph, 'the graph');
  if (!isSame) t.comment(`the table as it should be:\n${graph?.join('\n')}`);
}

/** What the watch says when an actor of process context, and the end of a bio in an interrupt, do this. */
function complaintsAbout(t: Test, task: (device: Device) => Kernel<void>, interrupt?: () => Kernel<void>): string[] {
  const watch = new LockWatch(rows);
  const build = (): Program => {
    const device = new Device();
    bindScripts([
      {
        *endIo(): Kernel<number> {
          if (interrupt !== undefined) yield* interrupt();
          return 0;
        },
      },
    ]);
    return {
      setup: () => device.create({ mode: 'hardirq', table: '0 4 scripted disk0 0 0' }),
      actors: [{ name: 'careless', cpu: 0, run: () => task(device) }],
    };
  };
  watched(t, watch, { lock: 'tas', preset: 'unified' }, { cpus: 1, staticWords: DEVICE_WORDS, build }, null);
  return [...watch.complaints].map((complaint) => complaint.replace(/, in .*/, ''));
}

test('a lock taken out of order, with interrupts on, or in an interrupt is noticed', async (t) => {
  t.strictSame(
    complaintsAbout(t, function* outOfOrder({ md }): Kernel<void> {
      const saved = yield* spinLockIrqsave(md.deferredLock, HERE);
      yield* spinLock(md.pushbackLock, HERE);
      yield* spinUnlock(md.pushbackLock, HERE);
      yield* spinUnlockIrqrestore(md.deferredLock, saved, HERE);
    }),
    ['&md->pushback_lock is taken with &md->deferred_lock held'],
  );
  t.strictSame(
    complaintsAbout(t, function* interruptsOn({ md }): Kernel<void> {
      yield* spinLock(md.deferredLock, HERE);
      yield* spinUnlock(md.deferredLock, HERE);
    }),
    ['&md->deferred_lock is taken with interrupts on'],
  );
  t.strictSame(
    complaintsAbout(
      t,
      (device) => writeOne(device, 0),
      function* inInterrupt(): Kernel<void> {
        yield* spinLock(minorLock, HERE);
        yield* spinUnlock(minorLock, HERE);
      },
    ),
    ['&_minor_lock is taken in an interrupt'],
  );
});
