import { test } from 'tap';
import { makeShared } from '../../src/actors/control.ts';
import { Noise } from '../../src/actors/noise.ts';
import { RealOperations } from '../../src/actors/operations.ts';
import type { Parking } from '../../src/actors/parking.ts';

import { type Kernel, open } from '../../src/machine/kernel.ts';
import { TICKET_NEXT } from '../../src/machine/operations.ts';
import { memory, staticWords } from '../../src/shared/memory.ts';
import { enterCpu } from '../../src/shared/per-cpu.ts';
import { attachMemory, planMachineMemory } from '../../src/shared/struct-registry.ts';

const CPU = 1;
const OTHER_CPU = 2;
/** What a taker writes into a lock that it has. */
const OWN = CPU + 1;

/** The operations of a CPU that does not spin, and finds the lock free between two looks at it. */
function operationsOf(release: () => void): RealOperations {
  const plan = planMachineMemory({ cpus: 3, allocators: 4, slots: {}, staticWords: 8 });
  const { control, memory: words } = makeShared(plan.size);
  attachMemory(words, plan, CPU, true);
  enterCpu(CPU);
  const parking = {
    seen(): number {
      release();
      return 0;
    },
    park(): void {
      throw new Error('the lock was free before the CPU parked');
    },
  };
  return new RealOperations({
    cpu: CPU,
    control,
    parking: parking as unknown as Parking,
    noise: new Noise('none', 1, CPU),
    delay: null,
    spins: 0,
  });
}

interface Take {
  readonly what: string;
  take(operations: RealOperations, word: number): Kernel<unknown>;
  /** What is in the lock's words while another CPU has it, and how it frees it. */
  held(word: number): void;
  free(word: number): void;
}

const store = (offset: number, value: number) => (word: number) => {
  memory.words[word + offset] = value;
};

const TAKES: readonly Take[] = [
  {
    what: 'a test-and-set lock',
    take: (operations, word) => operations.take(word, OWN, HERE),
    held: store(0, OTHER_CPU + 1),
    free: store(0, 0),
  },
  {
    what: 'a test-and-set lock with interrupts off',
    take: (operations, word) => operations.takeIrqsave(word, OWN, HERE),
    held: store(0, OTHER_CPU + 1),
    free: store(0, 0),
  },
  {
    what: 'a ticket lock',
    take: (operations, word) => operations.drawTicket(word, OWN, HERE),
    held: store(TICKET_NEXT, 1),
    free: store(0, 1),
  },
  {
    what: 'an rwlock for reading',
    take: (operations, word) => operations.takeShared(word, -OWN, HERE),
    held: store(0, -(OTHER_CPU + 1)),
    free: store(0, 0),
  },
];

test('a CPU that got a lock before it parked is no longer among those who are rung for it', async (t) => {
  for (const { what, take, held, free } of TAKES) {
    let word = 0;
    let others = 0;
    const operations = operationsOf(() => {
      free(word);
      memory.words[word + 1] = others;
    });
    for (others of [0, 1 << OTHER_CPU]) {
      word = staticWords(4);
      held(word);
      t.equal(open(take(operations, word)).next().done, true, what);
      t.equal(memory.words[word + 1], others, `${what}: who waits beside it`);
    }
  }
});
