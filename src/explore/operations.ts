/**
 * The operations of the model machine: each announces itself through the cell of the running context.
 */
import { report } from '../machine/finding.ts';
import {
  CHOICE_ALLOCATION,
  CHOICE_LATENCY,
  type ChoiceKind,
  type Kernel,
  OP_CMPXCHG,
  OP_GIVE,
  OP_GIVE_SHARED,
  OP_IRQ_OFF,
  OP_IRQ_ON,
  OP_LOAD,
  OP_LOAD_THEN,
  OP_NEXT_ALARM,
  OP_RELAX,
  OP_RMW,
  OP_SCHEDULE,
  OP_STORE,
  OP_TAKE,
  OP_TAKE_SHARED,
  OP_TRY_ADD,
  OP_WAIT_FOR,
  RMW_ADD,
  resolved,
} from '../machine/kernel.ts';
import { type Operations, TICKET_NEXT, TICKET_OWNER } from '../machine/operations.ts';
import type { Site } from '../machine/site.ts';
import { memory } from '../shared/memory.ts';
import { cpu } from '../shared/per-cpu.ts';
import { wordName } from '../shared/struct-registry.ts';
import { type Cell, FastOrSlow, THEN_IRQ_ON, THEN_TAKE } from './cell.ts';

/** What the operations need of the execution that they belong to. */
export interface Host {
  /** Cell of the running context. */
  cell: Cell;
  choose(kind: ChoiceKind, count: number): number;
  /** Whether an allocation that may fail does; as often as the budget allows. */
  allocationFails(): boolean;
  spawned(cpu: number, slot: number): void;
  /** Virtual time: steps so far. */
  steps: number;
}

/** A lock that already bears the taker's own name can never become free. */
function checkNotOwn(word: number, owner: number, own: number, site: number): void {
  if (memory.words[owner] === own)
    report('self-deadlock', 'I48', `CPU ${cpu} takes ${wordName(word)}, which it already holds`, site);
}

function answer(host: Host, kind: ChoiceKind, count: number): number {
  // There is no time, so a latency means nothing.
  if (kind === CHOICE_LATENCY) return 0;
  if (kind === CHOICE_ALLOCATION) return host.allocationFails() ? 1 : 0;
  return count === 1 ? 0 : host.choose(kind, count);
}

/** The operations of one execution. */
export function modelOperations(host: Host): Operations {
  const kernel = <T>(cell: unknown): Kernel<T> => cell as Kernel<T>;
  function* drawTicket(word: number, value: number, site: Site): Kernel<void> {
    checkNotOwn(word, word + TICKET_OWNER, value, site);
    const ticket = yield* kernel<number>(host.cell.set(OP_RMW, word + TICKET_NEXT, 1, RMW_ADD, site));
    yield* kernel<void>(host.cell.set(OP_WAIT_FOR, word, ticket, 0, site));
    memory.words[word + TICKET_OWNER] = value;
  }
  return {
    load: (word, site) => kernel(host.cell.set(OP_LOAD, word, 0, 0, site)),
    store: (word, value, site) => kernel(host.cell.set(OP_STORE, word, value, 0, site)),
    rmw: (word, how, value, site) => kernel(host.cell.set(OP_RMW, word, value, how, site)),
    cmpxchg: (word, expected, value, site) => kernel(host.cell.set(OP_CMPXCHG, word, expected, value, site)),
    take(word, value, site) {
      checkNotOwn(word, word, value, site);
      return kernel(host.cell.set(OP_TAKE, word, value, 0, site));
    },
    takeIrqsave(word, value, site) {
      checkNotOwn(word, word, value, site);
      return kernel(host.cell.set(OP_IRQ_OFF, word, value, 0, site, THEN_TAKE));
    },
    takeShared(word, writer, site) {
      checkNotOwn(word, word, writer, site);
      return kernel(host.cell.set(OP_TAKE_SHARED, word, 0, 0, site));
    },
    drawTicket,
    *drawTicketIrqsave(word, value, site) {
      const saved = yield* kernel<number>(host.cell.set(OP_IRQ_OFF, 0, 0, 0, site));
      yield* drawTicket(word, value, site);
      return saved;
    },
    give: (word, value, _ring, site) => kernel(host.cell.set(OP_GIVE, word, value, 0, site)),
    giveIrqrestore: (word, value, _ring, saved, site) =>
      kernel(host.cell.set(OP_GIVE, word, value, saved, site, THEN_IRQ_ON)),
    giveShared: (word, site) => kernel(host.cell.set(OP_GIVE_SHARED, word, 0, 0, site)),
    tryAdd(word, mask, delta, slow, object, site) {
      const cell = host.cell.set(OP_TRY_ADD, word, mask, delta, site);
      return kernel(new FastOrSlow(cell, (refused) => refused === 1, null, slow, object));
    },
    addThen(word, delta, mask, expected, slow, object, site) {
      const cell = host.cell.setAddThen(word, delta, mask, expected, site);
      return kernel(new FastOrSlow(cell, (sum) => (sum & mask) === expected, null, slow, object));
    },
    loadThen(word, skip, fast, slow, object, site) {
      const cell = host.cell.set(OP_LOAD_THEN, word, 0, 0, site);
      return kernel(new FastOrSlow(cell, (value) => value !== skip, fast, slow, object));
    },
    irqOff: (site) => kernel(host.cell.set(OP_IRQ_OFF, 0, 0, 0, site)),
    irqOn: (saved, site) => kernel(host.cell.set(OP_IRQ_ON, 0, saved, 0, site)),
    schedule: (site) => kernel(host.cell.set(OP_SCHEDULE, 0, 0, 0, site)),
    choice: (kind, count) => resolved(answer(host, kind, count)),
    relax: (site) => kernel(host.cell.set(OP_RELAX, 0, 0, 0, site)),
    nextAlarm: (mailbox, seen, site) => kernel(host.cell.set(OP_NEXT_ALARM, mailbox, seen, 0, site)),
    // The scheduler looks at the words themselves, so nobody needs to be rung.
    wake() {},
    ring() {},
    spawned: (cpuNumber, slot) => host.spawned(cpuNumber, slot),
    nowUs: () => host.steps,
  };
}
