// Two orders of two locks that never meet, so nothing ever hangs. The lock validator remembers the one when it sees the other.
import { defineScenario, explore } from 'dmrace';

const journal = defineScenario('journal', ({ word, mutex }) => {
  const isFull = word('isFull');
  const [inode, log] = [mutex('inode->lock'), mutex('log->lock')];
  function* fill() {
    yield* isFull.write(1);
  }
  function* write() {
    // Who finds the log full empties it first, and so begins with the other lock.
    const [first, second] = (yield* isFull.read()) === 0 ? [inode, log] : [log, inode];
    yield* first.lock();
    yield* second.lock();
    yield* second.unlock();
    yield* first.unlock();
  }
  return { actors: [fill, write] };
});

const { text } = await explore(journal, { executions: 1000 });
console.log(text);

// Prints:
//
//   lock-order (I16): possible circular locking dependency: write takes inode->lock at write (examples/07-lock-order.js:14) while it holds log->lock (taken at write (examples/07-lock-order.js:13)); write takes log->lock at write (examples/07-lock-order.js:14) while it holds inode->lock
//     at write (examples/07-lock-order.js:14)
//
//   ======================================================
//   WARNING: possible circular locking dependency detected
//   ------------------------------------------------------
//   write is trying to acquire lock:
//    (inode->lock){+.+.}, at: write (examples/07-lock-order.js:14)
//
//   but task is already holding lock:
//    (log->lock){+.+.}, at: write (examples/07-lock-order.js:13)
//
//   which lock already depends on the new lock.
//
//   the existing dependency chain (in reverse order) is:
//
//   -> #1 (log->lock){+.+.}:
//          write takes it at write (examples/07-lock-order.js:14)
//            holding (inode->lock), taken at write (examples/07-lock-order.js:13)
//
//   -> #0 (inode->lock){+.+.}:
//          write takes it at write (examples/07-lock-order.js:14)
//            holding (log->lock), taken at write (examples/07-lock-order.js:13)
//
//   other info that might help us debug this:
//
//    Possible unsafe locking scenario:
//
//          CPU0                    CPU1
//          ----                    ----
//     lock(log->lock);
//                                  lock(inode->lock);
//                                  lock(log->lock);
//     lock(inode->lock);
//
//    *** DEADLOCK ***
//
//   1 lock held by write:
//    #0: (log->lock){+.+.}, at: write (examples/07-lock-order.js:13)
//
//   CPU  runs   at                                    holds                   waits for
//   1    write  write (examples/07-lock-order.js:14)  inode->lock, log->lock  -
//
//   found in execution 4 of journal, seed 1
