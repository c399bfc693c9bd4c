// Puts what each example prints into the example: the comment at its end. `node scripts/example-output.mjs` after a build.
//
// test/examples.test.ts compares the two.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const HEAD = '\n// Prints:\n//\n';

/** The examples, in their order. */
export function exampleFiles() {
  return readdirSync(join(ROOT, 'examples'))
    .filter((name) => name.endsWith('.js'))
    .sort()
    .map((name) => `examples/${name}`);
}

/** What an example prints, as the comment at its end. */
export function printed(file) {
  const text = execFileSync(process.execPath, [file], { cwd: ROOT, encoding: 'utf8' });
  const lines = text.trimEnd().split('\n');
  return `${HEAD}${lines.map((line) => `//   ${line}`.trimEnd()).join('\n')}\n`;
}

/** What an example's file says that it prints; '' when it says nothing. */
export function promised(file) {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const at = text.indexOf(HEAD);
  return at < 0 ? '' : text.slice(at);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const file of exampleFiles()) {
    const text = readFileSync(join(ROOT, file), 'utf8');
    const code = text.slice(0, text.length - promised(file).length);
    writeFileSync(join(ROOT, file), code + printed(file));
  }
}
