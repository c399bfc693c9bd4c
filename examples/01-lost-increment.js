// Two CPUs add one to a word, and one of the two is lost: the five lines with which everything begins.
//
// A function* is what a CPU does; each yield* is one operation, and between two of them the other CPU may come.
import { assert, check, defineScenario } from 'dmrace';

// biome-ignore format: a scenario is five lines
const lostIncrement = defineScenario('lost-increment', ({ word }) => {
  const count = word('count');
  function* increment() { yield* count.write((yield* count.read()) + 1); }
  return { actors: [increment, increment], *verify() { assert((yield* count.read()) === 2, 'an increment is lost'); } };
});

// In a test runner this line is the whole test: it throws, and the message is the finding.
await check(lostIncrement, { executions: 1000 }).catch((error) => console.log(error.message));

// Prints:
//
//   assertion: an increment is lost
//     at verify (examples/01-lost-increment.js:10)
//
//   CPU  runs      at                                         holds  waits for
//   0    verify/0  verify (examples/01-lost-increment.js:10)         -
//
//   found in execution 2 of lost-increment, seed 1
