/**
 * The thread of one CPU: waits for rounds, builds each round's program, runs it, reports a finding.
 *
 * The whole life of the thread is one Piscina task; it returns when the machine ends.
 */
import { KernelFinding } from '../machine/finding.ts';
import { bindKernelLog } from '../machine/log.ts';
import { siteText } from '../machine/site.ts';
import { memory, perCpuBase } from '../shared/memory.ts';
import { CPU_DOORBELL, CPU_PENDING } from '../shared/per-cpu-layout.ts';
import { attachMemory, planMachineMemory } from '../shared/struct-registry.ts';
import type { Bootable, BootModule, RoundOrder } from './boot-module.ts';
import {
  ARRIVED,
  GO,
  NOTE_LEN,
  ORDER_LEN,
  QUIET,
  REPORT,
  REPORT_LEN,
  ROUND,
  readText,
  type Shared,
  STOP,
  STOP_FINDING,
  STOP_MACHINE,
  STOP_NOT,
  writeText,
} from './control.ts';
import { Cpu } from './cpu.ts';
import { ActorLog, type LogOptions } from './log.ts';
import { PENDING_STOP } from './operations.ts';

export interface CpuTask {
  readonly shared: Shared;
  readonly cpu: number;
  readonly cpus: number;
  readonly spins: number;
  /** URL of the boot module. */
  readonly bootModule: string;
  readonly log: LogOptions;
  /** See BootModule.attach. */
  readonly attachment: unknown;
}

export default async function cpuThread(task: CpuTask): Promise<void> {
  const { control, order, memory: words } = task.shared;
  const log = new ActorLog(task.log, task.cpu === task.cpus ? 'interrupt-actor' : `cpu${task.cpu}`);
  bindKernelLog((line) => log.kernel(line));
  const boot = (await import(task.bootModule)) as BootModule;
  boot.attach?.(task.attachment, task.cpu);
  // The thread is warm: main waits for this before the first round.
  arrive(task);
  for (let round = 0; ; round++) {
    Atomics.wait(control, ROUND, round);
    if (Atomics.load(control, STOP) === STOP_MACHINE) return;
    const { boot: what, ...settings } = JSON.parse(readText(control, ORDER_LEN, order)) as RoundOrder;
    const bootable = boot.prepare(what);
    const plan = planMachineMemory({
      cpus: task.cpus,
      allocators: task.cpus + 1,
      slots: bootable.slots,
      staticWords: bootable.staticWords,
    });
    attachMemory(words, plan, task.cpu, false);
    const program = bootable.build();
    const cpu = new Cpu({ ...settings, cpu: task.cpu, cpus: task.cpus, control, spins: task.spins }, program);
    log.debug('round begins', { round });
    arrive(task);
    Atomics.wait(control, GO, round);
    try {
      cpu.run();
    } catch (error) {
      if (!(error instanceof KernelFinding)) {
        log.error('the CPU died', { round, error: String(error) });
        throw error;
      }
      stopWithFinding(task, error);
      log.error(error.message, { round, kind: error.kind, invariant: error.invariant });
    }
    leaveNote(task, bootable);
    arrive(task);
  }
}

/** Counts this thread in; main sleeps on the same word as for quiet. */
function arrive({ shared: { control }, cpu }: CpuTask): void {
  Atomics.or(control, ARRIVED, 1 << cpu);
  Atomics.add(control, QUIET, 1);
  Atomics.notify(control, QUIET);
}

function leaveNote({ shared: { control, notes }, cpu }: CpuTask, { note }: Bootable): void {
  const into = notes[cpu] as Uint8Array;
  writeText(control, NOTE_LEN + cpu, into, note === undefined ? '' : note(into.length));
}

/** The first finding of a round is reported; it stops everybody. */
function stopWithFinding(task: CpuTask, finding: KernelFinding): void {
  const { control, report } = task.shared;
  if (Atomics.compareExchange(control, REPORT, 0, task.cpu + 1) !== 0) return;
  const { kind, invariant, message, site, report: lines } = finding;
  const said = { kind, invariant, message, site: site === 0 ? '' : siteText(site) };
  const text = JSON.stringify(lines.length === 0 ? said : { ...said, report: lines });
  writeText(control, REPORT_LEN, report, text);
  Atomics.compareExchange(control, STOP, STOP_NOT, STOP_FINDING);
  stopAll(task.cpus);
}

/** Makes every CPU of the bound memory notice that the round is over. */
export function stopAll(cpus: number): void {
  for (let cpu = 0; cpu <= cpus; cpu++) {
    const base = perCpuBase(cpu);
    Atomics.or(memory.words, base + CPU_PENDING, PENDING_STOP);
    Atomics.add(memory.words, base + CPU_DOORBELL, 1);
    Atomics.notify(memory.words, base + CPU_DOORBELL);
  }
}
