/** The grid of the lock validator, and that it fails without the validator. */
import { test } from 'tap';
import { runCli } from '../support/cli.ts';

interface Printed {
  readonly ok: boolean;
  readonly machines: readonly {
    readonly machine: string;
    readonly cases: readonly {
      readonly use: string;
      readonly kind: string;
      readonly expected: string | null;
      readonly found: string | null;
      readonly ok: boolean;
    }[];
  }[];
}

/** Cells of the grid: none may get lost. */
const RIGHT_USES = 169;
const WRONG_USES = 232;

/** Kinds of finding that the locks themselves, or the oracles, make with or without the validator. */
const ALWAYS = ['self-deadlock', 'sleep-in-atomic', 'assertion', 'leak'];

test('each wrong use of locks is reported and no right one, on both machines', async (t) => {
  const { code, stdout } = await runCli(['selftest', '--json'], t.testdir());
  const { ok, machines } = JSON.parse(stdout) as Printed;
  t.equal(code, 0);
  t.equal(ok, true);
  t.strictSame(
    machines.map(({ machine }) => machine),
    ['model', 'threads'],
  );
  for (const { machine, cases } of machines) {
    t.strictSame(
      cases.filter((each) => !each.ok),
      [],
      machine,
    );
    t.equal(cases.filter(({ expected }) => expected === null).length, RIGHT_USES);
    t.equal(cases.filter(({ expected }) => expected !== null).length, WRONG_USES);
  }
});

test('without the validator the grid fails wherever the validator is the one to report', async (t) => {
  const { code, stdout } = await runCli(['selftest', '--no-lockdep', '--json'], t.testdir());
  t.equal(code, 3);
  for (const { machine, cases } of (JSON.parse(stdout) as Printed).machines)
    for (const { use, kind, expected, ok } of cases)
      if (expected !== null && !ALWAYS.includes(expected)) t.equal(ok, false, `${machine}: ${kind}, ${use}`);
});

test('the grid for people says what was reported, and what was missed', async (t) => {
  const good = await runCli(['selftest', '--machine', 'model'], t.testdir());
  t.match(good.stdout, /on the model +spin +ticket +wlock +rlock +mutex +wsem +rsem +sema\n/);
  t.match(good.stdout, /A-B-B-A( +reported){3} +silent( +reported){3} +\.\n/);
  t.match(good.stdout, /taken with interrupts off( +silent){4}( +reported){4}\n/);
  t.match(good.stdout, /End of selftest: SUCCESS\n$/);
  const blind = await runCli(['selftest', '--machine', 'model', '--no-lockdep'], t.testdir());
  t.match(blind.stdout, /A-B-B-A( +MISSED){3} +silent( +MISSED){3} +\.\n/);
  t.match(blind.stdout, /End of selftest: FAILURE: the lock validator cannot be trusted\n$/);
});
