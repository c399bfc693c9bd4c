/** What words are called in findings, and what schedules know of them. */
import { test } from 'tap';
import { hash16 } from '../../src/explore/schedule.ts';
import { WordNames } from '../../src/explore/word-names.ts';
import '../../src/irq/interrupt-actor.ts';
import { MAILBOX_BASE, perCpuBase } from '../../src/shared/memory.ts';
import * as layout from '../../src/shared/per-cpu-layout.ts';
import { Ring, ringWords } from '../../src/shared/ring.ts';
import { attachMemory, planMachineMemory } from '../../src/shared/struct-registry.ts';

function bindMemory(): WordNames {
  const plan = planMachineMemory({ cpus: 2, allocators: 1, slots: {}, staticWords: 16 });
  attachMemory(new Int32Array(new SharedArrayBuffer(plan.size * 4)), plan, 0, true);
  return new WordNames();
}

test('each word of a CPU that the layout declares has a name of its own', async (t) => {
  const names = bindMemory();
  const declared = Object.entries(layout).flatMap(([name, value]) =>
    name.startsWith('CPU_') && typeof value === 'number' ? [[name, value] as const] : [],
  );
  t.ok(declared.length > 25);
  const given = declared.map(([name, offset]) => {
    const given = names.of(perCpuBase(1) + offset);
    t.match(given, /^cpu1 [a-z]/, name);
    return given;
  });
  t.equal(new Set(given).size, given.length);
});

test('a word of a ring is named as what it is in the ring', async (t) => {
  const names = bindMemory();
  const device = perCpuBase(0) + layout.CPU_COMPLETIONS;
  const timer = device + ringWords(layout.COMPLETION_ENTRIES);
  t.equal(names.of(device), 'cpu0 device completions.places');
  t.equal(names.of(new Ring(device, layout.COMPLETION_ENTRIES).published), 'cpu0 device completions.published');
  t.equal(names.of(device + 4), 'cpu0 device completions[0]');
  t.equal(names.of(timer - 1), 'cpu0 device completions[31]');
  t.equal(names.of(timer + 4), 'cpu0 timer completions[0]');
  t.equal(names.of(MAILBOX_BASE + 1), 'mailbox.published');
  t.equal(names.of(MAILBOX_BASE + 5), 'mailbox[1]');
});

test('schedules know a word by its offset, so that a better name for it spoils none of them', async (t) => {
  const names = bindMemory();
  const word = (offset: number) => perCpuBase(0) + offset;
  t.equal(names.hash(word(layout.CPU_COMPLETIONS + 4)), hash16('cpu0 +68'));
  t.equal(names.hash(word(layout.CPU_DOORBELL)), hash16('cpu0 +1'));
  t.equal(names.hash(word(layout.CPU_PENDING)), hash16('cpu0 irq pending'));
  t.equal(names.hash(MAILBOX_BASE + 1), hash16('mailbox+1'));
});
