/**
 * Freezing and resizing on threads, under each preset that is clean, and the outcomes that each allows.
 */
import { test } from 'tap';
import { runRound, startMachine } from '../support/real.ts';

const SEED = 1;
const ROUNDS = 60;
const SUITE_ROUNDS = 40;

/** What a scenario may end with; seed-000 only where none of its bugs can show. */
const OUTCOMES = [
  { scenario: 'frozen-writer', preset: 'unified', outcomes: ['fsync 0, suspend 0'] },
  { scenario: 'frozen-writer', preset: '2.6.20', outcomes: ['fsync 0, suspend 0'] },
  { scenario: 'noflush-resize', preset: 'unified', outcomes: ['fsync 0, resize 0'] },
  { scenario: 'noflush-resize', preset: '2.6.20', outcomes: ['fsync 0, resize -EINVAL'] },
  { scenario: 'failed-bdget', preset: 'unified', outcomes: ['bio 0, suspend 0'] },
  { scenario: 'failed-bdget', preset: '2.6.20', outcomes: ['bio 0, suspend 0'] },
  {
    scenario: 'failed-bdget',
    preset: 'seed-000',
    outcomes: ['bio -EIO, suspend -ENOMEM', 'bio 0, suspend -ENOMEM'],
  },
  { scenario: 'admins', preset: 'unified', outcomes: ['active'] },
  { scenario: 'admins', preset: '2.6.20', outcomes: ['active'] },
] as const;

test('threads end the scenarios of freezing and resizing as each preset allows', async (t) => {
  t.comment(`seed ${SEED}, ${ROUNDS} rounds of each`);
  const machine = await startMachine(t, 3);
  for (const { scenario, preset, outcomes } of OUTCOMES)
    for (let round = 0; round < ROUNDS; round++) {
      const { finding, outcome } = await runRound(machine, { scenario, preset, seed: SEED + round });
      t.equal(finding, null, `${scenario}, ${preset}: ${finding?.message ?? 'clean'}`);
      t.ok((outcomes as readonly (string | null)[]).includes(outcome), `${scenario}, ${preset}: ${outcome}`);
    }
});

for (const suite of ['freeze', 'failed-suspend'])
  test(`rounds of suite ${suite} are clean on threads under each preset`, async (t) => {
    t.comment(`seed ${SEED}`);
    const machine = await startMachine(t, 4);
    for (const preset of ['unified', '2.6.20'])
      for (let round = 0; round < SUITE_ROUNDS; round++) {
        const scenario = `${suite}@${SEED}.${round}`;
        const { finding } = await runRound(machine, { scenario, preset, seed: SEED + round });
        t.equal(finding, null, `${scenario}, ${preset}: ${finding?.message ?? 'clean'}`);
      }
  });
