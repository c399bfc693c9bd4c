/**
 * What the patch of seed 002 had by nature, as it was posted: each mistake is found in the preset, and the same program is clean in
 * 2.6.33. A request that is mapped again and again, and a last reference that is given up in an interrupt, are in
 * test/core/request-based.test.ts too.
 */
import assert from 'node:assert/strict';
import { doResume, doSuspend } from '../../src/core/ioctl.ts';
import { dmSuspended } from '../../src/core/suspend.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { mistakeTest, swapTest } from '../support/as-posted.ts';
import { kernelTest } from '../support/kernel.ts';

const PRESETS = { posted: 'seed-002', clean: '2.6.33', executionsMax: 20_000, cleanExecutions: 100 };

mistakeTest(PRESETS, {
  what: 'a request_fn that goes on after a target has wanted a request back',
  scenario: 'rq-mpath-two',
  expected: { kind: 'livelock', invariant: 'I52', message: /twice with interrupts off/ },
});
mistakeTest(PRESETS, {
  what: 'a kdmflush that takes itself apart, with the last reference on its device',
  scenario: 'rq-remove-after-barrier',
  expected: { kind: 'self-deadlock', invariant: 'I48', message: /kdmflush flushes the work queue that it serves/ },
});
mistakeTest(PRESETS, {
  what: 'a dm_io that is freed after its bio has ended',
  scenario: 'last-close',
  expected: { kind: 'use-after-free', invariant: 'I14', message: /mempool/ },
});
mistakeTest(PRESETS, {
  what: 'a resize that waits for an fsync that waits for the resume',
  scenario: 'noflush-resize',
  expected: { kind: 'deadlock', invariant: 'I51', message: /waits for i_mutex/ },
});

swapTest('seed-002', ['0 4 zero ', '', '0 4 error ']);
swapTest('2.6.33', ['0 4 zero ', '0 4 error ']);

for (const [preset, suspended] of [
  ['seed-002', false],
  ['2.6.33', true],
] as const)
  kernelTest(
    `${preset}: the device is ${suspended ? '' : 'not '}suspended when its targets hear that it is`,
    function* told(world) {
      const heard: boolean[] = [];
      const script = world.script({
        *postsuspend(): Kernel<void> {
          heard.push(yield* dmSuspended(md));
        },
      });
      yield* world.disk();
      const md = yield* world.device(`0 4 scripted disk0 0 ${script}`);
      yield* doSuspend(md, 0);
      yield* doResume(md, 0);
      assert.deepEqual(heard, [suspended]);
    },
    { preset },
  );
