/** What the CPUs of the real machine have learned, joined over CPUs and rounds. */
import { test } from 'tap';
import { JoinedLocks } from '../../src/cli/joined-locks.ts';
import type { HeldLock, OrderFact } from '../../src/shared/lockdep/lock-facts.ts';

/** What a CPU notes when a task takes `lock` while it holds `held`. */
function note(held: string, lock: string, run: number): string {
  const outer: HeldLock = { lock: held, shared: false, site: 0 };
  const fact: OrderFact = {
    fact: 'order',
    held: outer,
    lock,
    shared: false,
    recursive: false,
    site: 0,
    who: `task${run}`,
    holding: [outer],
    run,
  };
  return JSON.stringify([fact]);
}

test('orders of different CPUs and of different rounds are one conflict, which is reported once', async (t) => {
  const joined = new JoinedLocks();
  t.strictSame(joined.add([note('&a', '&b', 1), note('&b', '&c', 1)]), []);
  t.strictSame(joined.add([]), []);
  const found = joined.add([note('&c', '&a', 7)]);
  t.match(found, [{ kind: 'lock-order', invariant: 'I16', message: /task7 takes &a .* while it holds &c/ }]);
  t.match(found[0]?.report?.join('\n'), /Chain exists of: &a --> &b --> &c/);
  t.strictSame(joined.add([note('&c', '&a', 8)]), [], 'the same again');
  t.match(joined.add([note('&b', '&a', 9)]), [{ message: /task9 takes &a .* while it holds &b/ }], 'another pair');
});

test('both orders in the notes of one round are found', async (t) => {
  t.equal(new JoinedLocks().add([note('&a', '&b', 1), note('&b', '&a', 1)]).length, 1);
  t.equal(new JoinedLocks().add([note('&a', '&b', 1), note('&a', '&b', 1)]).length, 0);
});
