/**
 * Each example prints what its file says, and the command line runs it too.
 */
import { test } from 'tap';
import { readText } from './support/documents.ts';

interface Examples {
  exampleFiles(): string[];
  printed(file: string): string;
  promised(file: string): string;
}
const { exampleFiles, printed, promised }: Examples = await import(
  new URL('../../scripts/example-output.mjs', import.meta.url).href
);

for (const file of exampleFiles()) {
  test(`${file} prints what it says`, async (t) => {
    t.equal(printed(file), promised(file));
  });
}

test('the first example of the documents is the first example', async (t) => {
  const code = /```js\n([\s\S]*?)```/.exec(readText('docs/OWN-SCENARIOS.md'))?.[1] ?? '';
  const lines = (text: string): string => text.replace(/^\s*\/\/.*$/gm, '').replace(/\s+/g, ' ');
  t.ok(code.length > 0);
  t.ok(lines(readText(exampleFiles()[0] as string)).includes(lines(code).trim()));
});

test('the report that docs/LOCKDEP.md explains is what its example prints', async (t) => {
  const report = /```text\n([\s\S]*?)```/.exec(readText('docs/LOCKDEP.md'))?.[1] ?? '';
  t.ok(report.includes('*** DEADLOCK ***'));
  const comment = promised('examples/07-lock-order.js');
  t.ok(comment.replaceAll(/^\/\/ {0,3}/gm, '').includes(report.trim()));
});

test('there are examples from one word to one’s own device-mapper scenario', async (t) => {
  t.ok(exampleFiles().length >= 6);
});
