import { test } from 'tap';
import { DM_ENDIO_REQUEUE, dmNoflushSuspending } from '../../src/core/device-mapper.ts';
import { targetTypes } from '../../src/core/dm-target.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import type { Script } from '../../src/targets/scripted.ts';
import { type Conforming, conforms } from './conformance.ts';

/** As multipath does: gives back what ends while a noflush suspend is under way. */
const requeueing: Script = {
  *endIo(ti, _clone, error): Kernel<number> {
    return (yield* dmNoflushSuspending(ti)) ? DM_ENDIO_REQUEUE : error;
  },
};

// One line for each target.
const suite: readonly Conforming[] = [
  { target: 'delay', words: 'disk0 4 1', printed: '1:0 4 1', end: '0' },
  { target: 'error', words: '', printed: '', end: '-EIO' },
  { target: 'linear', words: 'disk0 4', printed: '1:0 4', end: '0' },
  {
    target: 'multipath',
    words: '1 queue_if_no_path 0 1 1 round-robin 0 1 1 disk0 1',
    printed: '1 queue_if_no_path 0 1 1 round-robin 0 1 1 1:0 1 ',
    end: '0',
  },
  { target: 'scripted', words: 'disk0 4 0', printed: '1:0 4 0', end: '0', aborted: '-EIO', script: requeueing },
  { target: 'striped', words: '2 1 disk0 4 disk0 10', printed: '2 1 1:0 4 1:0 10', end: '0' },
  { target: 'zero', words: '', printed: '', end: '0' },
];

test('every target is in the suite', async (t) => {
  t.strictSame(
    suite.map(({ target }) => target),
    targetTypes.names(),
  );
});

for (const each of suite) conforms(each);
