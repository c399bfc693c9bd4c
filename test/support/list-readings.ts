/**
 * The deferred and the pushback list of the one device of a replayed run, after each of its steps: from what the core says that it does
 * with its bios, without a look at the lists.
 */
import { Bio } from '../../src/block/bio.ts';
import { type MachineOrder, modelMachine } from '../../src/cli/explore-machine.ts';
import { FollowSchedule } from '../../src/explore/deciders.ts';
import { RunRecorder } from '../../src/explore/recorded-run.ts';
import type { Choices } from '../../src/explore/schedule.ts';
import {
  EV_BARRIER_BEHIND,
  EV_BIO_DEFERRED,
  EV_BIO_PUSHED_BACK,
  EV_BIO_PUSHED_HEAD,
  EV_DISPATCH,
  EV_PUSHBACK_MERGE,
  listenAlso,
} from '../../src/machine/events.ts';
import { memory } from '../../src/shared/memory.ts';

export interface Lists {
  /** Oldest first, each as `sector + size`. */
  readonly deferred: readonly string[];
  readonly pushback: readonly string[];
}

const SECTOR = Bio.offsetOf('sector');
const SIZE = Bio.offsetOf('size');

/** By step. */
export function listReadings(order: MachineOrder, choices: Choices): Lists[] {
  const recorder = new RunRecorder(modelMachine(order));
  let deferred: string[] = [];
  let pushback: string[] = [];
  const quiet = listenAlso((kind, a) => {
    const bio = (): string => `${memory.words[a + SECTOR]} + ${memory.words[a + SIZE]}`;
    if (kind === EV_BIO_DEFERRED) deferred = [...deferred, bio()];
    else if (kind === EV_BIO_PUSHED_HEAD) deferred = [bio(), ...deferred];
    else if (kind === EV_DISPATCH) deferred = deferred.slice(1);
    else if (kind === EV_BIO_PUSHED_BACK) pushback = [...pushback, bio()];
    else if (kind === EV_PUSHBACK_MERGE) [deferred, pushback] = [[...pushback, ...deferred], []];
    else if (kind === EV_BARRIER_BEHIND) throw new Error('barriers that are put back are not followed here');
  });
  const lists: Lists[] = [];
  try {
    // Heard before each step: what the one before has left.
    recorder.run(new FollowSchedule(choices), () => void lists.push({ deferred, pushback }));
  } finally {
    quiet();
  }
  return [...lists.slice(1), { deferred, pushback }];
}
