/**
 * What the patch of seed 000 had by nature: each mistake is found in the preset, and the same program is clean in 2.6.20.
 */
import assert from 'node:assert/strict';
import { test } from 'tap';
import { dmNoflushSuspending } from '../../src/core/device-mapper.ts';
import { dmCreate, dmRemove, dmTableLoad, doResume, doSuspend } from '../../src/core/ioctl.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { mistakeTest, swapTest } from '../support/as-posted.ts';
import { type Body, endOf, runKernel, write } from '../support/kernel.ts';
import { type ExpectedFinding, expectClean, expectFinding } from '../support/model.ts';

const PRESETS = { posted: 'seed-000', clean: '2.6.20', executionsMax: 100_000, cleanExecutions: 5000 };

mistakeTest(PRESETS, {
  what: 'a suspend that succeeds although a bio that it covered was refused',
  scenario: 'interrupted-noflush',
  strategy: 'uniform',
  expected: { kind: 'wrong-error', invariant: 'I53', message: /a bio that it covered has failed/ },
});
mistakeTest(PRESETS, {
  what: 'a suspender that reads pending before it sets its state',
  scenario: 'drain',
  expected: { kind: 'lost-wakeup', invariant: 'I47', message: /sleeps for ever although pending of dm0 is 0/ },
});
mistakeTest(PRESETS, {
  what: 'a dm_io that is freed after its bio has ended',
  scenario: 'last-close',
  expected: { kind: 'use-after-free', invariant: 'I14', message: /mempool/ },
});
mistakeTest(PRESETS, {
  what: 'an error that overwrites a REQUEUE',
  scenario: 'noflush-split',
  expected: { kind: 'wrong-error', message: /handed it back/ },
});
mistakeTest(PRESETS, {
  what: 'a resize that waits for an fsync that waits for the resume',
  scenario: 'noflush-resize',
  expected: { kind: 'deadlock', invariant: 'I51', message: /waits for i_mutex/ },
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

swapTest('seed-000', ['0 4 zero ', '', '0 4 error ']);
swapTest('2.6.20', ['0 4 zero ', '0 4 error ']);
