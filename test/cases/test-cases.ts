/**
 * A test for each acceptance case: it holds, and it does not hold with each mistake that it must notice.
 */
import { test } from 'tap';
import { cases } from './all.ts';
import type { CaseOrder } from './boot.ts';
import type { AcceptanceCase } from './case.ts';

export const SEED = 1;
const TIMES = { schedules: 150, rounds: 25 };
/** Enough for a bug that needs a certain interleaving. */
const TIMES_TO_FIND = { schedules: 20_000, rounds: 2000 };

/** Up to the first finding; gives its sentence, or null. */
export type Machine = (order: CaseOrder, times: number, slow?: AcceptanceCase['slow']) => Promise<string | null>;
type Times = NonNullable<AcceptanceCase['times']>;

/** A test for each case, on one machine. */
export function testCases(machine: Machine, unit: keyof Times): void {
  for (const { sentence, presets = ['unified'], bugs = [], planted, times = TIMES, slow } of cases)
    test(sentence, async (t) => {
      t.comment(`seed ${SEED}`);
      for (const preset of presets) {
        const order = { sentence, preset, bug: null, planted: false, oracles: true };
        t.equal(await machine(order, times[unit]), null, `${preset}: holds`);
        const mistakes = [
          ...bugs.map((bug) => ({ bug, planted: false })),
          ...(planted === undefined ? [] : [{ bug: null, planted: true }]),
        ];
        for (const mistake of mistakes) {
          const finding = await machine({ ...order, ...mistake, oracles: false }, TIMES_TO_FIND[unit], slow);
          t.not(finding, null, `${preset} with ${mistake.bug ?? 'a planted mistake'}: does not hold; ${finding}`);
        }
      }
    });
}
