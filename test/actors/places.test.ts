import { test } from 'tap';
import { makeShared } from '../../src/actors/control.ts';
import { Cpu } from '../../src/actors/cpu.ts';
import { realPlaces } from '../../src/actors/places.ts';
import { resolved } from '../../src/machine/kernel.ts';
import { memory } from '../../src/shared/memory.ts';
import { attachMemory, planMachineMemory } from '../../src/shared/struct-registry.ts';
import { programs, spawn, TASK_RUNNING, TASK_UNINTERRUPTIBLE } from '../../src/shared/task.ts';

const TEST_TASK = programs.define('places_test_task', () => resolved(undefined));

test('a task that is on no CPU is asleep, or ready when it only waits for its turn', async (t) => {
  const plan = planMachineMemory({ cpus: 1, allocators: 2, slots: {}, staticWords: 1 });
  const { control, memory: words } = makeShared(plan.size);
  attachMemory(words, plan, 0, true);
  // Binds the operations that a new task is announced with.
  new Cpu(
    { cpu: 0, cpus: 1, control, noise: 'none', seed: 1, delay: null, spins: 0 },
    { actors: [], outcome: () => '' },
  );
  const task = spawn(0, TEST_TASK, 0);
  const place = (state: number) => {
    memory.words[task.state.word] = state;
    return realPlaces(1).find(({ who }) => who === 'places_test_task/0');
  };
  t.match(place(TASK_RUNNING), { cpu: 0, at: 'ready', waitsFor: '' });
  t.match(place(TASK_UNINTERRUPTIBLE), { cpu: 0, at: 'asleep', waitsFor: 'a wake-up' });
});
