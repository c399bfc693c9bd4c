// The same with a spinlock around it. `dpor` tries every order that can matter, and says so when it is done.
import { assert, defineScenario, explore } from 'dmrace';

const counted = defineScenario('counted', ({ word, spinLock }) => {
  const count = word('count');
  const lock = spinLock('lock');
  function* increment() {
    yield* lock.lock();
    yield* count.write((yield* count.read()) + 1);
    yield* lock.unlock();
  }
  return {
    actors: [increment, increment, increment],
    *verify() {
      assert((yield* count.read()) === 3, 'an increment is lost');
    },
    outcome: () => `count ${count.value}`,
  };
});

const seen = await explore(counted, { strategy: 'dpor', executions: 10_000 });
console.log(`finding: ${seen.finding === null ? 'none' : seen.text}`);
console.log(`${seen.executions} executions; ${seen.exhaustive}`);
for (const [outcome, times] of seen.outcomes) console.log(`${outcome}: ${times} times`);

// Prints:
//
//   finding: none
//   6 executions; exhaustive up to the order of independent steps
//   count 3: 6 times
