import fc from 'fast-check';
import { test } from 'tap';
import { bucketOf, bucketStart, Durationer } from '../../src/profile/histogram.ts';
import { BUCKETS } from '../../src/profile/layout.ts';

const SEED = 5;
const duration = fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 2 ** 31 - 2 }));

test('a duration lies in its bucket, and buckets follow each other without a gap', async (t) => {
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const start = bucketStart(bucket);
    t.equal(bucketOf(start), bucket);
    if (bucket > 0) t.equal(bucketOf(start - 1), bucket - 1);
  }
  t.equal(bucketOf(1e12), BUCKETS - 1, 'what is longer than all is in the last one');
});

test('quantiles are at most an eighth off, and all else is exact', async (t) => {
  t.comment(`seed ${SEED}`);
  const property = fc.property(fc.array(duration, { minLength: 1, maxLength: 200 }), (durations) => {
    const buckets = new Uint32Array(BUCKETS);
    for (const ns of durations) (buckets[bucketOf(ns)] as number)++;
    const sorted = [...durations].sort((a, b) => a - b);
    const [min, max] = [sorted[0] as number, sorted.at(-1) as number];
    const total = durations.reduce((sum, ns) => sum + ns, 0);
    const sum = new Durationer();
    sum.add(buckets, 0, min, max, total);
    const said = sum.durations(durations.length);
    const near = (value: number, part: number): boolean => {
      const exact = sorted[Math.ceil(part * sorted.length) - 1] as number;
      return Math.abs(value - exact) <= exact / 8 + 1;
    };
    const count = said.histogram.reduce((all, bar) => all + bar.count, 0);
    return (
      said.min === min &&
      said.max === max &&
      said.total === total &&
      count === durations.length &&
      near(said.p50, 0.5) &&
      near(said.p90, 0.9) &&
      near(said.p99, 0.99)
    );
  });
  t.doesNotThrow(() => fc.assert(property, { seed: SEED, numRuns: 300 }));
});

test('histograms of several CPUs add up, and one that timed nothing changes nothing', async (t) => {
  const sum = new Durationer();
  const one = new Uint32Array(BUCKETS);
  one[bucketOf(100)] = 2;
  sum.add(one, 0, 90, 110, 200);
  sum.add(new Uint32Array(BUCKETS), 0, 0, 0, 0);
  const other = new Uint32Array(2 * BUCKETS);
  other[BUCKETS + bucketOf(4000)] = 1;
  sum.add(other, BUCKETS, 4000, 4000, 4000);
  const said = sum.durations(3);
  t.match(said, { timed: 3, min: 90, max: 4000, total: 4200, avg: 1400 });
  t.strictSame(said.histogram, [
    { fromNs: 64, count: 2 },
    { fromNs: 2048, count: 1 },
  ]);
  t.equal(sum.durations(30).total, 42_000, 'one in ten was timed');
  t.strictSame(new Durationer().durations(5).histogram, []);
});
