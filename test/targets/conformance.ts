/**
 * What every target must stand: suspends of both kinds, interrupted or not, and swaps, all under I/O, and its own table line
 * read back. A new target joins the suite with one line in conformance.test.ts.
 */
import assert from 'node:assert/strict';
import { dmTableLoad, dmTableStatus, doResume, doSuspend } from '../../src/core/ioctl.ts';
import type { MappedDevice } from '../../src/core/mapped-device.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../../src/core/suspend.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { sendSignal } from '../../src/shared/task.ts';
import type { Script } from '../../src/targets/scripted.ts';
import { endOf, kernelTest, load, read, type World, write } from '../support/kernel.ts';

export interface Conforming {
  readonly target: string;
  /** The words of its table line behind the type; there are disk0 and disk1 of 16 sectors. */
  readonly words: string;
  /** The same words as the table prints them. */
  readonly printed: string;
  /** What the bios of an undisturbed device end with, reads and writes. */
  readonly end: '0' | '-EIO';
  /** How a bio may end besides when a noflush suspend is interrupted. */
  readonly aborted?: '-EIO';
  /** Script 0. */
  readonly script?: Script;
}

const SECTORS = 8;
const MODES = ['inline', 'hardirq', 'softirq'] as const;
const SUSPENDS = [
  { kind: 'flushing', flag: 0 },
  { kind: 'noflush', flag: DM_SUSPEND_NOFLUSH_FLAG },
] as const;

/** A device of two such targets, so that bios are split. */
function* deviceOf(world: World, { target, words, script }: Conforming): Kernel<MappedDevice> {
  const mode = MODES[world.run % MODES.length] as (typeof MODES)[number];
  yield* world.disk({ mode, anyCpu: true });
  yield* world.disk();
  if (script !== undefined) world.script(script);
  return yield* world.device(tableOf(target, words));
}

const tableOf = (target: string, words: string): string =>
  [0, SECTORS / 2].map((start) => `${start} ${SECTORS / 2} ${target} ${words}`).join('\n');

/** I/O from two CPUs while `disturb` runs on a third; every bio must end as one of `allowed`. */
function* underIo(
  world: World,
  md: MappedDevice,
  allowed: readonly string[],
  disturb: () => Kernel<void>,
): Kernel<void> {
  const submitters = [0, 1].map((cpu) =>
    world.start(cpu, function* submitter(): Kernel<void> {
      const ios = [yield* write(md, 2 + cpu, 3), yield* read(md, 3, 2), yield* write(md, cpu)];
      for (const io of ios) {
        const end = yield* endOf(io);
        assert(allowed.includes(end), `a bio ends with ${end}`);
      }
    }),
  );
  const disturber = world.start(2, disturb);
  yield* disturber.join();
  for (const { join } of submitters) yield* join();
}

function survivesSuspends(conforming: Conforming): void {
  const { target, end, aborted } = conforming;
  for (const { kind, flag } of SUSPENDS) {
    kernelTest(
      `${target} survives a ${kind} suspend under I/O`,
      function* suspend(world) {
        const md = yield* deviceOf(world, conforming);
        yield* underIo(world, md, [end], function* disturb(): Kernel<void> {
          assert.equal(yield* doSuspend(md, flag), 0);
          assert.equal(yield* md.pending.read(HERE), 0);
          assert.equal(yield* doResume(md, 0), 0);
        });
        assert.equal(yield* endOf(yield* write(md, 3, 2)), end);
      },
      { runs: 150 },
    );

    kernelTest(
      `${target} survives a ${kind} suspend that a signal interrupts`,
      function* interrupt(world) {
        const md = yield* deviceOf(world, conforming);
        const allowed = flag !== 0 && aborted !== undefined ? [end, aborted] : [end];
        yield* underIo(world, md, allowed, function* disturb(): Kernel<void> {
          const suspender = world.start(2, function* suspend(): Kernel<void> {
            if ((yield* doSuspend(md, flag)) === 0) assert.equal(yield* doResume(md, 0), 0);
          });
          yield* sendSignal(suspender.task, HERE);
          yield* suspender.join();
        });
        assert.equal(yield* endOf(yield* write(md, 3, 2)), end);
      },
      { runs: 150 },
    );
  }
}

function survivesSwaps(conforming: Conforming): void {
  const { target, words, end } = conforming;
  for (const { kind, flag } of SUSPENDS)
    kernelTest(
      `${target} survives swaps under I/O, each with a ${kind} suspend of its own`,
      function* swap(world) {
        const md = yield* deviceOf(world, conforming);
        yield* underIo(world, md, [end, '0'], function* disturb(): Kernel<void> {
          for (const table of [tableOf('linear', 'disk1 0'), tableOf(target, words)]) {
            assert.equal(yield* dmTableLoad(md, table), 0);
            assert.equal(yield* doResume(md, flag), 0);
          }
        });
        assert.equal(yield* endOf(yield* write(md, 3, 2)), end);
      },
      { runs: 150 },
    );
}

function linesMakeItAgain(conforming: Conforming): void {
  const { target, printed } = conforming;
  kernelTest(`the table line of ${target} makes the same target again`, function* again(world) {
    const md = yield* deviceOf(world, conforming);
    assert.equal(yield* dmTableStatus(md, false), tableOf(target, printed));
    yield* load(md, yield* dmTableStatus(md, false));
    assert.equal(yield* doResume(md, 0), 0);
    assert.equal(yield* dmTableStatus(md, false), tableOf(target, printed));
  });
}

/** Puts a target through all of it. */
export function conforms(conforming: Conforming): void {
  survivesSuspends(conforming);
  survivesSwaps(conforming);
  linesMakeItAgain(conforming);
}
