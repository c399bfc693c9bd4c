import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { runCli } from '../support/cli.ts';

/** What is wrong, and what the one sentence must name. */
const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

const WRONG: readonly (readonly [string, RegExp])[] = [
  // A file system whose root refuses a new folder with ENOENT.
  ...(existsSync('/proc/self')
    ? [['stress --out /proc/nosuch', /--out '\/proc\/nosuch' cannot be written to/] as const]
    : []),
  ['stress nosuch', /There is no suite 'nosuch'; there are .*noflush-pushback/],
  ['stress --cpus 0', /'--cpus <n>' argument '0' is invalid.*1 to 16 CPUs/],
  ['stress --cpus 9999', /argument '9999' is invalid.*1 to 16 CPUs/],
  ['stress --cpus two', /argument 'two' is invalid.*whole number of CPUs/],
  ['stress --seconds -1', /argument '-1' is invalid.*above 0/],
  ['stress --seconds 0', /argument '0' is invalid.*above 0/],
  ['stress --rounds 0', /argument '0' is invalid/],
  ['stress --seconds 3 --rounds 2', /--seconds and --rounds exclude each other/],
  ['stress --out package.json/x', /--out 'package.json\/x' cannot be written to/],
  ['stress --out package.json', /--out 'package.json' cannot be written to \(ENOTDIR\)/],
  ['stress --lock queued', /'queued' is invalid.*tas, ticket/],
  ['stress --noise loud', /'loud' is invalid.*none, light, heavy/],
  ['stress --preset 2.4', /'2.4' is invalid.*unified/],
  ['stress --bug nope', /'nope' is invalid. There is no such bug; "dmrace bugs" lists them/],
  ['stress --frobnicate', /unknown option '--frobnicate'/],
  ['stress --secnods 3', /unknown option '--secnods'.*--seconds/],
  ['frobnicate', /unknown command 'frobnicate'/],
  ['help frobnicate', /unknown command 'frobnicate'/],
  ['', /name a command: stress, profile, explore, replay, bugs, list or selftest/],
  ['explore nosuch', /There is no scenario 'nosuch'; there are .*interrupted-noflush/],
  [
    'explore suspend',
    /'suspend' is no round of the suite suspend; name one as SUITE@SEED\.ROUND, such as suspend@1\.0/,
  ],
  ['explore suspend@4294967297.1', /'suspend@4294967297\.1' is no round of the suite suspend.*up to 2147483647/],
  ['explore ./no.ts', /'\.\/no\.ts' is no scenario; a file of one's own ends in \.js or \.mjs/],
  ['explore nosuch@1.2', /There is no scenario 'nosuch@1.2'/],
  ['explore drain --executions 3 --seconds 3', /--seconds and --executions exclude each other/],
  [
    'explore --bug nf-check-then-queue-unlocked --preset 2.6.33',
    /bug 'nf-check-then-queue-unlocked' cannot be in preset '2.6.33': what is pushed back/,
  ],
  ['stress --bug nf-check-then-queue-unlocked --preset 2.6.33', /cannot be in preset '2.6.33'/],
  ['profile suspend --bug nf-check-then-queue-unlocked --preset 2.6.33', /cannot be in preset '2.6.33'/],
  [
    'replay v1.nf-check-then-queue-unlocked:2.6.33.AL0CEOSlqQEI8psGjV07BN8gDAUGAwgCAwgCAAoBAAgIQwE',
    /is not a schedule that can be replayed: the bug .* cannot be in preset '2.6.33'/,
  ],
  ['explore drain --kind race --no-races', /--kind race and --no-races exclude each other/],
  ['explore drain --shrink-seconds -1', /argument '-1' is invalid. It must be a number of seconds, or 0\./],
  ['explore drain --seed x', /argument 'x' is invalid. It must be a whole number\./],
  ['list --frobnicate', /unknown option '--frobnicate'/],
];

for (const [line, sentence] of WRONG)
  test(`dmrace ${line} is refused in one sentence, with exit code 2 and nothing on stdout`, async (t) => {
    const result = await runCli(line === '' ? [] : line.split(' '), process.cwd());
    t.equal(result.code, 2);
    t.equal(result.stdout, '');
    t.match(result.stderr, sentence);
    t.equal(result.stderr.trim().split('\n').length, 1);
  });

test('the folder that findings go to by default is tried as well', async (t) => {
  const result = await runCli(['stress', '--rounds', '1'], t.testdir({ 'dmrace-out': 'a file' }));
  t.equal(result.code, 2);
  t.equal(result.stdout, '');
  t.match(result.stderr, /^dmrace: --out 'dmrace-out' cannot be written to \(ENOTDIR\); name a folder that can\.\n$/);
});

test('where nobody reads what is wrong the exit code still says it', {
  skip: existsSync('/dev/full') ? false : 'there is no /dev/full',
}, (t) => {
  const full = openSync('/dev/full', 'w');
  const { status } = spawnSync(process.execPath, [MAIN, 'explore', 'nosuch'], { stdio: ['ignore', 'ignore', full] });
  closeSync(full);
  t.equal(status, 2);
  t.end();
});

test('a full disk under stdout is no finding', {
  skip: existsSync('/dev/full') ? false : 'there is no /dev/full',
}, (t) => {
  const full = openSync('/dev/full', 'w');
  const { status, stderr } = spawnSync(process.execPath, [MAIN, 'list'], {
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  });
  closeSync(full);
  t.equal(status, 3);
  t.match(stderr, /^dmrace: the harness broke: stdout cannot be written: ENOSPC.*\n$/);
  t.end();
});

test('--help shows examples and exit codes, --version the version', async (t) => {
  const help = await runCli(['stress', '--help'], process.cwd());
  t.equal(help.code, 0);
  t.match(help.stdout, /Examples:/);
  t.match(help.stdout, /Exit code: 0 held, 1 a finding/);
  const shown = await runCli(['--version'], process.cwd());
  t.equal(shown.code, 0);
  t.match(shown.stdout, /^\d+\.\d+\.\d+\n$/);
});
