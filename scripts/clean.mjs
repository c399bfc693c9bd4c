// Removes what builds and tests leave behind: everything, or only the paths given as arguments.
// The compiler never deletes, so a renamed test would otherwise live on in dist and keep running.

import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const given = process.argv.slice(2);
for (const path of given.length > 0 ? given : ['dist', '.tap', 'dmrace-out']) {
  rmSync(`${ROOT}/${path}`, { recursive: true, force: true });
}
