/**
 * A run once more, with the state of the machine after each step: what a page steps through.
 *
 * Nothing here touches the run: memory is read as raw words between two steps, and who holds which lock is heard from the event
 * stream, which also knows readers.
 */
import { BlockDevice, nameOf } from '../../block/block-device.ts';
import { addressOf, BIO_NEXT, BIO_SECTOR, BIO_SIZE, eachLive } from '../../check/words.ts';
import { MappedDevice, SUSPEND_PHASES } from '../../core/mapped-device.ts';
import type { Context, ModelCpu } from '../../explore/context.ts';
import { FollowSchedule } from '../../explore/deciders.ts';
import { mayWaitForEver, waitsFor } from '../../explore/places.ts';
import { RunRecorder } from '../../explore/recorded-run.ts';
import type { Choices } from '../../explore/schedule.ts';
import { moverName } from '../../explore/step-text.ts';
import { Trace } from '../../explore/trace.ts';
import { EV_LOCK_ACQUIRED, EV_LOCK_RELEASE, type Listener, listenAlso } from '../../machine/events.ts';
import { OP_START } from '../../machine/kernel.ts';
import { siteText } from '../../machine/site.ts';
import type { Points, Run, RunContext, Watched } from '../../page/data.ts';
import { memory } from '../../shared/memory.ts';
import { wordName } from '../../shared/struct-registry.ts';
import { Multipath } from '../../targets/multipath/multipath.ts';
import { type MachineOrder, modelMachine } from '../explore-machine.ts';
import { withPlaces } from '../retell.ts';
import { flagNames, stepWords } from '../step-words.ts';

/** A value as it changes. */
class History<T> {
  readonly points: [number, T][] = [];
  #last = '';

  /** The value after this step. */
  note(step: number, value: T): void {
    const text = JSON.stringify(value);
    if (text === this.#last) return;
    this.#last = text;
    this.points.push([step, value]);
  }
}

class FilmedContext {
  readonly name: string;
  readonly lane: number;
  readonly isInterrupt: boolean;
  readonly alive = new History<boolean>();
  readonly holds = new History<readonly string[]>();
  readonly waits = new History<string>();
  readonly locks: { readonly word: number; readonly name: string }[] = [];

  constructor(context: Context) {
    this.name = moverName(context);
    this.lane = context.cpu;
    this.isInterrupt = context.task === null;
  }

  data(): RunContext {
    const { name, lane, isInterrupt, alive, holds, waits } = this;
    return { name, lane, isInterrupt, alive: alive.points, holds: holds.points, waits: waits.points };
  }
}

const MD = {
  flags: MappedDevice.offsetOf('flags'),
  phase: MappedDevice.offsetOf('phase'),
  pending: MappedDevice.offsetOf('pending'),
  deferred: MappedDevice.offsetOf('deferred'),
  pushback: MappedDevice.offsetOf('pushback'),
  bdev: MappedDevice.offsetOf('bdev'),
};
const QUEUED = Multipath.offsetOf('queuedIos');
/** A list that is longer, or a circle, ends here. */
const LIST_MAX = 64;

const at = (word: number): number => memory.words[word] as number;

/** The bios of a list, as blktrace writes a range of sectors: `8 + 4`. */
function bios(list: number): string[] {
  const names: string[] = [];
  for (let handle = at(list); handle !== 0 && names.length < LIST_MAX; ) {
    const bio = addressOf(handle);
    names.push(`${at(bio + BIO_SECTOR)} + ${at(bio + BIO_SIZE)}`);
    handle = at(bio + BIO_NEXT);
  }
  return names;
}

function mdFields(md: number): Record<string, readonly string[]> {
  return {
    flags: flagNames(at(md + MD.flags)),
    phase: [SUSPEND_PHASES[at(md + MD.phase)] ?? '?'],
    pending: [String(at(md + MD.pending))],
    deferred: bios(md + MD.deferred),
    pushback: bios(md + MD.pushback),
  };
}

/** Everything that is watched, as it changes. */
class Film {
  readonly #contexts = new Map<number, FilmedContext>();
  /** Ids are given by the recorder; the CPUs only know processes. */
  readonly #byProcess = new Map<number, FilmedContext>();
  readonly #numbers = new Map<number, number>();
  readonly #watched = new Map<string, Map<string, History<readonly string[]>>>();
  readonly #names = new Map<number, string>();
  readonly #cpus: readonly ModelCpu[];
  readonly contextOf: number[] = [];
  #current: FilmedContext | null = null;

  constructor(cpus: readonly ModelCpu[]) {
    this.#cpus = cpus;
  }

  /** A step is about to be made. */
  step(context: Context, id: number): void {
    this.look();
    let known = this.#contexts.get(id);
    if (known === undefined) {
      known = new FilmedContext(context);
      this.#numbers.set(id, this.#contexts.size);
      this.#contexts.set(id, known);
    }
    this.#current = known;
    this.contextOf.push(this.#numbers.get(id) as number);
    this.#byProcess.set(context.process, known);
  }

  readonly hear: Listener = (kind, word, isExclusive) => {
    if (kind === EV_LOCK_ACQUIRED)
      this.#current?.locks.push({ word, name: `${wordName(word)}${isExclusive === 1 ? '' : ' (read)'}` });
    else if (kind === EV_LOCK_RELEASE) this.#release(word);
  };

  /** A semaphore may be given by another than who has taken it. */
  #release(word: number): void {
    for (const holder of [this.#current, ...this.#contexts.values()]) {
      const index = holder?.locks.findLastIndex((lock) => lock.word === word) ?? -1;
      if (index < 0) continue;
      holder?.locks.splice(index, 1);
      return;
    }
  }

  /** How things stand after the last step. */
  look(): void {
    const step = this.contextOf.length - 1;
    if (step < 0) return;
    const alive = new Set<FilmedContext>();
    for (const cpu of this.#cpus)
      for (const context of [...cpu.interrupts, ...cpu.tasks]) {
        const known = this.#byProcess.get(context.process);
        if (known === undefined) continue;
        alive.add(known);
        // A daemon that has nothing to do waits for nothing.
        known.waits.note(step, mayWaitForEver(context) ? '' : waitsFor(context));
      }
    for (const each of this.#contexts.values()) {
      each.alive.note(step, alive.has(each));
      each.holds.note(
        step,
        each.locks.map(({ name }) => name),
      );
    }
    eachLive(MappedDevice, (md) => this.#note(step, this.#nameOf(md), mdFields(md)));
    eachLive(Multipath, (m) => this.#note(step, `multipath ${m}`, { queued: bios(m + QUEUED) }));
  }

  /** A device has no name before it has its block device. */
  #nameOf(md: number): string {
    const known = this.#names.get(md);
    if (known !== undefined) return known;
    const bdev = at(md + MD.bdev);
    if (bdev === 0) return '';
    const name = nameOf(BlockDevice.at(bdev));
    if (name !== '') this.#names.set(md, name);
    return name;
  }

  #note(step: number, name: string, fields: Record<string, readonly string[]>): void {
    if (name === '') return;
    const known = this.#watched.get(name) ?? new Map<string, History<readonly string[]>>();
    this.#watched.set(name, known);
    for (const [field, value] of Object.entries(fields)) {
      const history = known.get(field) ?? new History<readonly string[]>();
      known.set(field, history);
      history.note(step, value);
    }
  }

  contexts(): RunContext[] {
    return [...this.#contexts.values()].map((each) => each.data());
  }

  watched(): Watched[] {
    let multipaths = 0;
    return [...this.#watched].map(([name, fields]) => ({
      // An address says nothing to people.
      name: name.startsWith('multipath ') ? `multipath ${multipaths++}` : name,
      fields: [...fields].map(([field, { points }]): { name: string; points: Points<readonly string[]> } => ({
        name: field,
        points,
      })),
    }));
  }
}

/** Longer runs are not filmed: nobody steps through them. */
export const FILM_STEPS_MAX = 20_000;

/** Makes a recorded run again, after those that come before it. `decisive`: number of its decisive step, from 1, or null. */
export function film(order: MachineOrder, choices: Choices, decisive: number | null, earlier: readonly Choices[]): Run {
  const recorder = new RunRecorder(
    modelMachine(order),
    earlier.map((each) => new FollowSchedule(each)),
  );
  const { cpus } = recorder.machine.execution;
  const trace = new Trace(recorder.names);
  const seen = new Film(cpus);
  const quiet = listenAlso(seen.hear);
  try {
    withPlaces(order.scenario, () =>
      recorder.run(new FollowSchedule(choices), (context, id, place) => {
        seen.step(context, id);
        trace.hear(context, id, place);
      }),
    );
    seen.look();
  } finally {
    quiet();
  }
  const steps = trace.end().map((step, index) => ({
    context: seen.contextOf[index] as number,
    part: step.part,
    turned: step.turned,
    text: stepWords(step),
    site: step.kind === OP_START || step.site === 0 ? '' : siteText(step.site),
  }));
  const lanes = cpus.map(({ number }, index) => (index === cpus.length - 1 ? 'interrupt actor' : `CPU ${number}`));
  return {
    lanes,
    contexts: seen.contexts(),
    watched: seen.watched(),
    steps,
    decisive: decisive === null ? null : decisive - 1,
  };
}
