import { test } from 'tap';
import { DISK_MODES } from '../../src/block/disk.ts';
import { interruptedNoflush } from '../../src/scenarios/interrupted-noflush.ts';
import { lastClose } from '../../src/scenarios/last-close.ts';
import { findBug } from '../../src/variants/variants.ts';
import { busy } from './busy.ts';
import { exploreChecked, SEED } from './model.ts';

for (const scenario of [interruptedNoflush, lastClose]) {
  test(`the oracles are silent over ${scenario.name}`, async (t) => {
    t.comment(`seed ${SEED}`);
    const { finding, executions } = exploreChecked(scenario, {}, 20_000);
    t.equal(finding, null);
    t.equal(executions, 20_000);
  });
}

for (const mode of DISK_MODES)
  for (const stacked of [false, true]) {
    const scenario = busy(mode, stacked);
    test(`the oracles are silent over ${scenario.title}`, async (t) => {
      t.comment(`seed ${SEED}`);
      const { finding, rules } = exploreChecked(scenario, {}, 2000);
      t.equal(finding, null);
      t.comment(rules);
    });
  }

test('a bio that is pushed back without the lock around the test is lost', async (t) => {
  const swaps = findBug('nf-check-then-queue-unlocked')?.swaps;
  t.match(exploreChecked(interruptedNoflush, swaps ?? {}, 200_000).finding, { kind: 'lost-bio', invariant: 'I8' });
});

test('a dm_io that is freed after its bio has ended is freed into a pool that is gone', async (t) => {
  const swaps = findBug('io-freed-after-endio')?.swaps;
  t.match(exploreChecked(lastClose, swaps ?? {}, 200_000).finding, { kind: 'use-after-free', invariant: 'I14' });
});
