// Two mutexes in two orders, each actor with a name of its own.
import { defineScenario, explore } from 'dmrace';

const abba = defineScenario('abba', ({ mutex }) => {
  const [a, b] = [mutex('a'), mutex('b')];
  const both = (first, second) =>
    function* () {
      yield* first.lock();
      yield* second.lock();
      yield* second.unlock();
      yield* first.unlock();
    };
  return {
    actors: [
      { name: 'mover', run: both(a, b) },
      { name: 'sorter', run: both(b, a) },
    ],
  };
});

// The lock validator would report the two orders even where they do not meet (07): here it is off.
const { text } = await explore(abba, { executions: 1000, lockdep: false });
console.log(text);

// Prints:
//
//   deadlock (I48): a cycle has closed: mover waits for b at examples/03-deadlock.js:9; sorter waits for a at examples/03-deadlock.js:9
//
//   CPU  runs    at                         holds  waits for
//   0    mover   examples/03-deadlock.js:9  a      b
//   1    sorter  examples/03-deadlock.js:9  b      a
//
//   found in execution 2 of abba, seed 1
