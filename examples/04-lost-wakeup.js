// A consumer tests a flag and then sleeps until it is woken; a wake-up that comes in between wakes nobody. A completion keeps it.
import { defineScenario, explore } from 'dmrace';

const lost = defineScenario('lost-wakeup', ({ word, waitQueue }) => {
  const [ready, wakeups] = [word('ready'), word('wakeups')];
  const queue = waitQueue('queue');
  return {
    actors: [
      function* producer() {
        yield* ready.write(1);
        yield* wakeups.add(1);
        yield* queue.wakeUp();
      },
      function* consumer() {
        if ((yield* ready.read()) === 1) return;
        // Any wake-up from now on will do. The only one there is may be over.
        const before = yield* wakeups.read();
        yield* queue.waitEvent(function* () {
          return (yield* wakeups.read()) !== before ? 1 : 0;
        });
      },
    ],
  };
});

const kept = defineScenario('kept-wakeup', ({ completion }) => {
  const ready = completion('ready');
  return {
    actors: [
      function* producer() {
        yield* ready.complete();
      },
      function* consumer() {
        yield* ready.wait();
      },
    ],
  };
});

console.log((await explore(lost, { executions: 1000 })).text);
console.log();
const seen = await explore(kept, { strategy: 'dpor', executions: 10_000 });
console.log(`kept-wakeup: ${seen.finding === null ? 'nothing found' : seen.text}; ${seen.exhaustive}`);

// Prints:
//
//   deadlock (I48): no CPU can move: consumer waits for queue at consumer (examples/04-lost-wakeup.js:18)
//
//   CPU  runs      at                                        holds  waits for
//   1    consumer  consumer (examples/04-lost-wakeup.js:18)         queue
//
//   found in execution 10 of lost-wakeup, seed 1
//
//   kept-wakeup: nothing found; exhaustive up to the order of independent steps
