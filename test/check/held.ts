/**
 * A device whose target keeps what it is asked to map until somebody lets it go: with it, a test decides when a bio comes back.
 * The target says REQUEUE while a noflush suspend is under way, as multipath does.
 */
import type { Bio } from '../../src/block/bio.ts';
import { Bio as Bios, bioEndio, REQ_WRITE } from '../../src/block/bio.ts';
import {
  DM_ENDIO_REQUEUE,
  DM_MAPIO_SUBMITTED,
  type DmTarget,
  dmNoflushSuspending,
} from '../../src/core/device-mapper.ts';
import type { MappedDevice } from '../../src/core/mapped-device.ts';
import type { Seams } from '../../src/core/seams.ts';
import type { FindingKind } from '../../src/machine/finding.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import type { Actor, Program } from '../../src/machine/machine.ts';
import { ops } from '../../src/machine/operations.ts';
import { DEVICE_WORDS, Device } from '../../src/scenarios/device.ts';
import type { Scenario } from '../../src/scenarios/scenario.ts';
import { SIGNAL_TARGET_WORDS, SignalTarget } from '../../src/scenarios/signal-target.ts';
import { submitIo, type UserIo, waitIo } from '../../src/scenarios/user-io.ts';
import { staticWords } from '../../src/shared/memory.ts';
import { declareMutex } from '../../src/shared/mutex.ts';
import { Atomic } from '../../src/shared/word.ts';
import { bindScripts, remap, type Script } from '../../src/targets/scripted.ts';

/** A program that breaks an invariant. */
export interface Planted {
  readonly invariant: string;
  readonly kind: FindingKind;
  readonly scenario: Scenario;
  /** Seams that break it; without them the program is clean. Empty: the program itself breaks it. */
  readonly swaps: Partial<Seams>;
  /** Of the finding, where another check gives the same kind and invariant later. */
  readonly message?: RegExp;
  /** On the model so many are enough to find it; default 2000. */
  readonly executions?: number;
}

const HELD_MAX = 2;

/** What a planted program works with. */
export class Bench {
  readonly device = new Device();
  readonly suspender = new SignalTarget();
  readonly #passing = new Atomic(staticWords(1));
  readonly #count = new Atomic(staticWords(1));
  readonly #held = Array.from({ length: HELD_MAX }, () => new Atomic(staticWords(1)));

  /** A lock outside the device. */
  readonly mutex = declareMutex('&planted');
  readonly #noted = new Atomic(staticWords(1));
  readonly #met = new Atomic(staticWords(1));

  get md(): MappedDevice {
    return this.device.md;
  }

  write(sector: number, size = 1): Kernel<UserIo> {
    return submitIo(this.device.bdev, { sector, size, flags: REQ_WRITE, stamp: 7 });
  }

  /** Waits until so many tasks have come here. */
  *meet(tasks: number): Kernel<void> {
    yield* this.#met.add(1, HERE);
    while ((yield* this.#met.read(HERE)) < tasks) yield* ops.relax(HERE);
  }

  /** Makes use of a value. */
  note(value: number): Kernel<void> {
    return this.#noted.set(value, HERE);
  }

  /** A target that keeps clones until `release`, and sends on what comes later. */
  holding(): Script {
    return {
      map: (ti, clone) => this.#keep(ti, clone),
      *endIo(ti): Kernel<number> {
        return (yield* dmNoflushSuspending(ti)) ? DM_ENDIO_REQUEUE : 0;
      },
    };
  }

  *#keep(ti: DmTarget, clone: Bio): Kernel<number> {
    if ((yield* this.#passing.read(HERE)) !== 0) return remap(ti, clone);
    const place = yield* this.#count.add(1, HERE);
    const slot = this.#held[place] as Atomic;
    yield* slot.set(clone.handle, HERE);
    // Whoever releases sets `passing` first: one of the two sees the other.
    const late = (yield* this.#passing.read(HERE)) !== 0;
    return late && (yield* slot.exchange(0, HERE)) !== 0 ? remap(ti, clone) : DM_MAPIO_SUBMITTED;
  }

  /** Ends what is kept. */
  *release(): Kernel<void> {
    yield* this.#passing.set(1, HERE);
    for (const held of this.#held) {
      const handle = yield* held.exchange(0, HERE);
      if (handle !== 0) yield* bioEndio(Bios.at(handle), 0);
    }
  }
}

export const BENCH_WORDS = DEVICE_WORDS + SIGNAL_TARGET_WORDS + 3 + HELD_MAX;

export interface Plot {
  /** What the scripted target does; without one the target is linear, unless there is a table. */
  readonly script?: (bench: Bench) => Script;
  readonly table?: string;
  /** Task by task, each on a CPU of its own. */
  readonly tasks: readonly ((bench: Bench) => Kernel<void>)[];
  readonly swaps?: Partial<Seams>;
}

/** A planted program on a device over an immediate disk. */
export function plant(invariant: string, kind: FindingKind, title: string, plot: Plot): Planted {
  const { script, tasks, swaps = {} } = plot;
  const build = (): Program => {
    const bench = new Bench();
    bindScripts(script === undefined ? [] : [script(bench)]);
    const { table = script === undefined ? '0 4 linear disk0 0' : '0 4 scripted disk0 0 0' } = plot;
    const actor = (run: (bench: Bench) => Kernel<void>, cpu: number): Actor => ({
      name: `task${cpu}`,
      cpu,
      run: () => run(bench),
    });
    return { setup: () => bench.device.create({ mode: 'inline', table }), actors: tasks.map(actor) };
  };
  const name = `planted-${invariant.toLowerCase()}-${title.toLowerCase().replaceAll(/[^a-z]+/g, '-')}`;
  const scenario = { name, title, cpus: tasks.length, staticWords: BENCH_WORDS + 32, build };
  return { invariant, kind, scenario, swaps };
}

/** Writes a sector and waits for its end. */
export function* writeAndWait(bench: Bench): Kernel<void> {
  yield* waitIo(yield* bench.write(0));
}
