/**
 * What the patch of seed 000 had by nature: each mistake is found in the preset, and the same program is clean in 2.6.20.
 */
import assert from 'node:assert/strict';
import { type Test, test } from 'tap';
import { exploreScenario } from '../../src/cli/explore-scenario.ts';
import { dmNoflushSuspending } from '../../src/core/device-mapper.ts';
import { dmCreate, dmRemove, dmTableLoad, dmTableStatus, doResume, doSuspend } from '../../src/core/ioctl.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import type { FindingReport } from '../../src/machine/machine.ts';
import { type Body, endOf, kernelTest, runKernel, write } from '../support/kernel.ts';
import { type ExpectedFinding, expectClean, expectFinding } from '../support/model.ts';

/** The preset has several mistakes, so a search may meet another one first: then the next seed is asked. */
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const EXECUTIONS_MAX = 100_000;
const CLEAN_EXECUTIONS = 5000;

async function explored(
  preset: string,
  strategy: 'walk' | 'uniform',
  scenario: string,
  seed: number,
  executions: number,
) {
  return exploreScenario(
    { scenario, cpus: 4, seed, executions, seconds: null, strategy, preset, bug: null, lock: 'tas' },
    () => false,
  );
}

/** Found in a scenario of the registry. */
for (const [what, strategy, scenario, expected] of [
  [
    'a suspend that succeeds although a bio that it covered was refused',
    'uniform',
    'interrupted-noflush',
    { kind: 'wrong-error', invariant: 'I53', message: /a bio that it covered has failed/ },
  ],
  [
    'a suspender that reads pending before it sets its state',
    'walk',
    'drain',
    { kind: 'lost-wakeup', invariant: 'I47', message: /sleeps for ever although pending of dm0 is 0/ },
  ],
  [
    'a dm_io that is freed after its bio has ended',
    'walk',
    'last-close',
    { kind: 'use-after-free', invariant: 'I14', message: /mempool/ },
  ],
  ['an error that overwrites a REQUEUE', 'walk', 'noflush-split', { kind: 'wrong-error', message: /handed it back/ }],
  [
    'a resize that waits for an fsync that waits for the resume',
    'walk',
    'noflush-resize',
    { kind: 'deadlock', invariant: 'I51', message: /waits for i_mutex/ },
  ],
] as const)
  test(`seed-000 has ${what}, and 2.6.20 has not`, async (t: Test) => {
    let found: FindingReport | null = null;
    for (const seed of SEEDS) {
      ({ finding: found } = await explored('seed-000', strategy, scenario, seed, EXECUTIONS_MAX));
      t.comment(`seed ${seed}: ${found?.message}`);
      if (found !== null && expected.message.test(found.message)) break;
    }
    t.match(found, expected);
    expectClean(t, await explored('2.6.20', strategy, scenario, 1, CLEAN_EXECUTIONS));
  });

function bodyTest(title: string, body: Body, expected: ExpectedFinding): void {
  test(`seed-000 has ${title}, and 2.6.20 has not`, async (t) => {
    t.comment('seed 1');
    expectFinding(t, runKernel(body, { preset: 'seed-000', runs: 2000 }), expected);
    expectClean(t, runKernel(body, { preset: '2.6.20', runs: 200 }));
  });
}

bodyTest(
  'a look-up beyond the end of a table that gives something',
  function* beyond(world) {
    yield* world.disk();
    const md = yield* world.device('0 8 linear disk0 0');
    yield* doSuspend(md, 0);
    const io = yield* write(md, 6);
    yield* dmTableLoad(md, '0 4 linear disk0 0');
    yield* doResume(md, 0);
    assert.equal(yield* endOf(io), '-EIO');
  },
  { kind: 'use-after-free', message: /dm-target/ },
);

bodyTest(
  'a query for NOFLUSH that takes a reference on a device without one',
  function* query(world) {
    yield* world.disk();
    const script = world.script({
      *presuspend(ti): Kernel<void> {
        yield* dmNoflushSuspending(ti);
      },
    });
    const md = yield* dmCreate({ name: 'dm0', minor: 0 });
    assert(typeof md !== 'number');
    yield* dmTableLoad(md, `0 4 scripted disk0 0 ${script}`);
    yield* doResume(md, 0);
    yield* dmRemove(md);
  },
  { kind: 'use-after-free', invariant: 'I15', message: /taken at 0/ },
);

for (const [preset, seen] of [
  ['seed-000', ['0 4 zero ', '', '0 4 error ']],
  ['2.6.20', ['0 4 zero ', '0 4 error ']],
] as const) {
  const all = new Set<string>();
  kernelTest(
    `${preset}: what status shows while a table is swapped`,
    function* swapped(world) {
      const md = yield* world.device('0 4 zero');
      yield* dmTableLoad(md, '0 4 error');
      yield* doSuspend(md, 0);
      const reader = world.start(1, function* read(): Kernel<void> {
        for (let i = 0; i < 12; i++) all.add(yield* dmTableStatus(md, false));
      });
      yield* doResume(md, 0);
      yield* reader.join();
    },
    { preset, runs: 400 },
  );
  test(`${preset}: all that status has shown`, async (t) => {
    t.strictSame([...all].sort(), [...seen].sort());
  });
}
