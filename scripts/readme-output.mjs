// Puts the real output of the commands that the README shows into it.
//
// A block that starts with `<!-- output of COMMAND -->` and ends with `<!-- end of output -->` is replaced by what the command
// prints on stdout. `, last N lines` behind the command keeps the end only. Commands run from dist with a fixed seed.
// Usage: node scripts/readme-output.mjs [FILE…]; default README.md. Build first.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MAIN = join(ROOT, 'dist/src/cli/main.js');
const TAP = join(ROOT, 'node_modules/.bin/tap');
const BLOCK = /(<!-- output of (.+?)(?:, last (\d+) lines?)? -->\n)[\s\S]*?(<!-- end of output -->)/g;

/** The arguments of node for a command as the README writes it. */
function argumentsOf(command) {
  if (command === 'npm start') return [MAIN, 'stress', '--seed', '1'];
  if (command === 'npm test') return [TAP, '--disable-coverage'];
  const [name, ...rest] = command.split(' ');
  if (name !== 'dmrace') throw new Error(`the README shows the output of ${command}, which this script cannot run`);
  return [MAIN, ...rest];
}

/** What a command leaves on the disk is not for the repository. */
const scratch = mkdtempSync(join(tmpdir(), 'dmrace-readme-'));

/** What a command prints on stdout. A finding (exit 1) is an output like any other; anything worse is not. */
function outputOf(command) {
  const env = { ...process.env, NO_COLOR: '1' };
  const { stdout, stderr, status } = spawnSync(process.execPath, argumentsOf(command), {
    cwd: command === 'npm test' ? ROOT : scratch,
    env,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0 && status !== 1) throw new Error(`${command} exits with ${status}:\n${stderr}`);
  return stdout;
}

function refresh(file) {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const fresh = text.replace(BLOCK, (_block, begin, command, last, end) => {
    process.stderr.write(`${file}: ${command}\n`);
    const lines = outputOf(command)
      .trim()
      .split('\n')
      .map((line) => line.trimEnd());
    const kept = last === undefined ? lines : lines.slice(-Number(last));
    return `${begin}\`\`\`text\n${kept.join('\n')}\n\`\`\`\n${end}`;
  });
  writeFileSync(join(ROOT, file), fresh);
}

try {
  for (const file of process.argv.length > 2 ? process.argv.slice(2) : ['README.md']) refresh(file);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
