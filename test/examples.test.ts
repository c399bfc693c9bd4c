/**
 * Each example prints what its file says, and the command line runs it too.
 */
import { test } from 'tap';

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

test('there are examples from one word to one’s own device-mapper scenario', async (t) => {
  t.ok(exampleFiles().length >= 6);
});
