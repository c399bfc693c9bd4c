import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';

const MAIN = fileURLToPath(new URL('../../bench/soak/main.js', import.meta.url));

/** The soak with these arguments; with `until`, it is interrupted when it has printed that. */
async function soak(t: Test, args: readonly string[], until?: string) {
  const env = { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' };
  const child = spawn(process.execPath, [MAIN, '--seed', '1', '--jobs', '1', ...args], { cwd: t.testdir(), env });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
    // Once: a second one kills.
    if (until !== undefined && stdout.includes(until) && !child.killed) child.kill('SIGINT');
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

test('a soak of the clean core finds nothing', async (t) => {
  const { code, stdout } = await soak(t, ['--executions', '150']);
  t.equal(code, 0);
  t.match(stdout, /150 executions, .* findings: 0; /);
  t.match(stdout, /drain +unified .*nothing/);
  t.match(stdout, /admins +2\.6\.20 .*nothing/);
  t.match(stdout, /End of soak: SUCCESS\n$/);
});

test('a soak with a bug fails, and prints what was found where', async (t) => {
  const { code, stdout } = await soak(t, ['--executions', '400', '--bug', 'find-device-half-created']);
  t.equal(code, 1);
  t.match(stdout, /a device that was removed is left/);
  t.match(stdout, /Replay: dmrace replay v1\.find-device-half-created\./);
  t.match(stdout, /End of soak: FAILURE: create-status \(unified\)\n$/);
});

test('Ctrl-C ends a soak at once, with what is known', async (t) => {
  const { code, stdout } = await soak(t, ['--executions', '100000000'], 'soak: ');
  t.equal(code, 130);
  t.match(stdout, /drain +unified/);
  t.match(stdout, /End of soak: INTERRUPTED\n$/);
});

test('wrong usage of the soak ends with 2 and a sentence', async (t) => {
  const { code, stderr } = await soak(t, ['--executions', 'many']);
  t.equal(code, 2);
  t.match(stderr, /It must be a whole number of executions/);
});
