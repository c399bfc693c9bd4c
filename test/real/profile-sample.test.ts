import { test } from 'tap';
import { runCli } from '../support/cli.ts';
import { readText } from '../support/documents.ts';

const page = readText('docs/PROFILER.md');

/** A line without what differs from run to run: numbers, which locks, places and tasks. */
function formOf(line: string): string {
  return (
    line
      // A function's name and place, or `irq device`.
      .replace(/longest \S+ us in .* on/, 'longest SOMEWHERE on')
      .replace(/\S+ \(\S+:\d+\)/g, 'SITE')
      .replace(/\S+ in SITE/g, 'WHO')
      .replace(/&[^\s:]+/g, 'LOCK')
      .replace(/(, [\d.]+ bios\.\w+\/s)+/, ', BIOS')
      .replace(/#+$/, 'BAR')
      .replace(/~?\b\d+(\.\d+)?\b/g, 'N')
      .replace(/~?-(?= |$)/g, 'N')
      .replace(/ +/g, ' ')
      .trim()
  );
}

const [, command = '', sample = ''] =
  /<!-- output of dmrace (.+?) -->\n\n```\n([\s\S]+?)```\n\n<!-- end of output -->/.exec(page) ?? [];
const lines = sample.trimEnd().split('\n');

test('the sample of PROFILER.md has the form of what its command prints, and each numbered line is explained', async (t) => {
  const numbers = lines.flatMap((line) => /^\[(\d+)\]/.exec(line)?.[1] ?? []);
  const explained = [...(page.split('<!-- end of output -->')[1] ?? '').matchAll(/^(\d+)\. /gm)].map(
    ([, number]) => number,
  );
  t.ok(numbers.length > 10);
  t.strictSame(numbers, explained);
  // Less time than the sample had: the form is the same.
  const result = await runCli(command.replace(/--seconds \d+/, '--seconds 2').split(' '), t.testdir());
  t.equal(result.code, 0, result.stderr);
  const printed = new Set(result.stdout.split('\n').map(formOf));
  const forms = lines.map((line) => formOf(line.slice(5))).filter((form) => form !== '' && form !== '...');
  t.strictSame(
    forms.filter((form) => !printed.has(form)),
    [],
  );
  const names = new Set(sample.match(/&[\w>.-]+/g));
  t.ok(names.size > 3);
  t.strictSame(
    [...names].filter((name) => !result.stdout.includes(name)),
    [],
    'locks are those that it takes',
  );
  const longest = (place: string): string => formOf(`[12] longest 7.10 us in ${place} on CPU 1`);
  t.equal(longest('irq device'), longest('dmSuspend (core/suspend.ts:67)'));
  t.notOk(printed.has(formOf('&md->io_lock   1  2')), 'a line with fewer columns is none of those');
});

const { sites } = JSON.parse(readText('dist/sites.json')) as { sites: [file: string, line: number, name: string][] };
/** Lines move with every change; functions and files stay. */
const places = new Set(sites.map(([file, , name]) => `${name} (${file.replace(/^src\//, '')})`));

test('places in the sample are functions that there are', async (t) => {
  const named = [...sample.matchAll(/(\S+) \((\S+):\d+\)/g)].map(([, name, file]) => `${name} (${file})`);
  t.ok(named.length > 8);
  t.strictSame(
    named.filter((place) => !places.has(place)),
    [],
  );
  t.notOk(places.has('dmSuspend (core/submit.ts)'));
});

test('the numbers of the sample agree with each other', async (t) => {
  const rows = lines.map((line) => line.slice(5).trim().split(/ {2,}/));
  const locks = rows.filter(([name, ...rest]) => name?.startsWith('&') && rest.length === 12);
  t.equal(locks.length, 4);
  for (const [name = '', ...columns] of locks) {
    const [bounces, contentions, min, max, total, avg, , acquisitions, holdMin, holdMax, , holdAvg] = columns.map(
      (column) => Number(column.replace('~', '')),
    ) as [number, number, number, number, number, number, number, number, number, number, number, number];
    t.ok(bounces <= contentions && contentions <= acquisitions, name);
    t.ok(min <= avg && avg <= max && holdMin <= holdAvg && holdAvg <= holdMax);
    t.ok(Math.abs(total / contentions - avg) < 0.01);
  }
  const spreads = rows.filter(([name, ...rest]) => name?.startsWith('&') && rest.length === 11);
  t.equal(spreads.length, 3);
  for (const [name = '', ...columns] of spreads) {
    const [, contentions = 0, , , total = 0] =
      locks
        .find(([each]) => each === name)
        ?.slice(1)
        .map(Number) ?? [];
    const [spun = 0, parked = 0, spin = 0, park = 0] = columns.slice(6, 10).map(Number);
    t.equal(spun + parked, contentions, name);
    t.ok(Math.abs(spin + park - total) < 0.02);
  }
});
