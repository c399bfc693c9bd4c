/**
 * The end of a test run's log says what failed, whatever the points and their blocks quote.
 */
import type { Transform } from 'node:stream';
import { test } from 'tap';

const { default: Tally }: { default: new () => Transform } = await import(
  new URL('../../scripts/tally.mjs', import.meta.url).href
);

const TOTALS = '# { total: 9, pass: 4, fail: 3, todo: 1, skip: 1 }';

/** What it adds to a log that comes in pieces of so many characters. */
async function added(log: readonly string[], piece = 7): Promise<string[]> {
  const text = `${log.join('\n')}\n`;
  const tally = new Tally();
  let out = '';
  tally.setEncoding('utf8').on('data', (chunk: string) => {
    out += chunk;
  });
  for (let at = 0; at < text.length; at += piece) tally.write(text.slice(at, at + piece));
  await new Promise<void>((resolve) => tally.once('end', resolve).end());
  if (!out.startsWith(text)) throw new Error('the log itself is not passed through');
  return out.slice(text.length).trimEnd().split('\n');
}

const BLOCK = ['  ---', '  diff: |', '    --- expected', '    ...', '    not ok 7 - quoted', '', '  at: here', '  ...'];
const inner = (lines: readonly string[]): string[] => lines.map((line) => (line === '' ? '' : `    ${line}`));

test('each point that failed comes again with its whole block, and then the sums', async (t) => {
  const failed = [...inner(['not ok 2 - two', ...BLOCK]), 'not ok 1 - a file', ...BLOCK, 'not ok 2 - without a block'];
  const log = ['ok 1 - before', ...inner(['ok 1 - one', '  ---', '  not: kept', '  ...']), ...failed, 'ok 3', TOTALS];
  for (const piece of [1, 7, 10_000])
    t.strictSame(await added(log, piece), ['Failed:', ...failed, '4 passed, 3 failed, 2 skipped']);
});

test('what is expected to fail does not come again, but a name that speaks of it does', async (t) => {
  const named = 'not ok 3 - a name with \\# TODO inside';
  const log = [
    'not ok 1 - later # TODO some day',
    '  ---',
    '  at: here',
    '  ...',
    'not ok 2 - no # SKIP',
    named,
    TOTALS,
  ];
  t.strictSame(await added(log), ['Failed:', named, '4 passed, 3 failed, 2 skipped']);
});

test('a block that is cut off ends with the next line outside of it', async (t) => {
  const cut = inner(['not ok 1 - dies', '  ---', '  at: here']);
  t.strictSame(await added([...cut, 'ok 1 - goes on', TOTALS]), ['Failed:', ...cut, '4 passed, 3 failed, 2 skipped']);
});

test('without a failure there are only the sums, and without any sums nothing has passed', async (t) => {
  t.strictSame(await added(['ok 1', '# { total: 1, pass: 1 }']), ['1 passed, 0 failed']);
  t.strictSame(await added(['Bail out! no more']), ['0 passed, 0 failed']);
});
