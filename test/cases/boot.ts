/** A boot module whose programs are the acceptance cases, for both machines. */
import type { Bootable } from '../../src/actors/boot-module.ts';
import {
  checkClosed,
  checkQuiescence,
  checkStuck,
  oracles as oracleListeners,
  wakersOf,
} from '../../src/check/index.ts';
import { type LockdepOrder, lockListeners, lockNoteOf } from '../../src/cli/thread-lockdep.ts';
import { bindSeams, seams } from '../../src/core/seams.ts';
import { bindListeners } from '../../src/machine/events.ts';
import type { Lockdep } from '../../src/shared/lockdep/lockdep.ts';
import { bindSpinLocks, tasSpinLock } from '../../src/shared/spinlock.ts';
import { installVariant } from '../../src/variants/variants.ts';
import '../../src/targets/all.ts';
import { cases } from './all.ts';
import { Bench, CASE_SLOTS, CASE_WORDS } from './bench.ts';

export interface CaseOrder {
  readonly sentence: string;
  readonly preset: string;
  readonly bug: string | null;
  /** Whether the case's own planted mistake is in the core. */
  readonly planted: boolean;
  /** Off: only what the case itself expects is looked at. */
  readonly oracles: boolean;
  /** Default: the lock validator does not listen. */
  readonly lockdep?: LockdepOrder;
}

/** `validator`: who hears the locks if the order says so; default: that of the thread. */
export function prepare(what: unknown, validator: Lockdep | null = null): Bootable {
  const { sentence, preset, bug, planted, oracles, lockdep = false } = what as CaseOrder;
  const found = cases.find((each) => each.sentence === sentence);
  if (found === undefined) throw new Error(`there is no case in which ${sentence}`);
  return {
    slots: CASE_SLOTS,
    staticWords: CASE_WORDS,
    atQuiescence: oracles ? checkQuiescence : undefined,
    whenStuck: oracles ? checkStuck : undefined,
    note: lockNoteOf(lockdep, validator),
    whenClosed: oracles ? checkClosed : undefined,
    wakersOf: oracles ? wakersOf : undefined,
    build() {
      bindListeners([...(oracles ? oracleListeners() : []), ...lockListeners(lockdep, validator)]);
      bindSpinLocks(tasSpinLock);
      installVariant({ preset, bug });
      if (planted) bindSeams({ ...seams, ...found.planted });
      return found.build(new Bench());
    },
  };
}
