import { test } from 'tap';
import { runCli } from '../support/cli.ts';
import { readText } from '../support/documents.ts';

const page = readText('docs/PROFILER.md');

/** A line without what differs from run to run: numbers, which locks, places and tasks. */
function formOf(line: string): string {
  return (
    line
      // A function's name and place, or `a hard interrupt`.
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

test('the sample of PROFILER.md has the form of what its command prints, and each numbered line is explained', async (t) => {
  const [, command = '', sample = ''] =
    /<!-- output of dmrace (.+?) -->\n\n```\n([\s\S]+?)```\n\n<!-- end of output -->/.exec(page) ?? [];
  const lines = sample.trimEnd().split('\n');
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
  const longest = (place: string): string => formOf(`[12] longest 7.10 us in ${place} on CPU 1`);
  t.equal(longest('a hard interrupt'), longest('dmSuspend (core/suspend.ts:67)'));
  t.notOk(printed.has(formOf('&md->io_lock   1  2')), 'a line with fewer columns is none of those');
});
