/**
 * The program that this machine runs, as tasks: its setup, its actors, its verification.
 *
 * Each worker builds the program anew from the scenario's name, so a task refers to its actor by number.
 */
import type { Program } from '../machine/machine.ts';
import { bindActorNames, PF_DAEMON, programs, spawn, type Task } from './task.ts';

export { taskName } from './task.ts';

let program: Program = { actors: [] };

/** Installs the program of the next run on this thread. */
export function bindProgram(next: Program): void {
  program = next;
}

export function boundProgram(): Program {
  return program;
}

const SETUP = programs.define('setup', () => (program.setup as NonNullable<Program['setup']>)());
const VERIFY = programs.define('verify', () => (program.verify as NonNullable<Program['verify']>)());
const ACTOR = programs.define('actor', (arg) => {
  const actor = program.actors[arg];
  if (actor === undefined) throw new Error(`the program has no actor ${arg}`);
  return actor.run();
});

/** The parts of a program, in their order; each begins when the machine is quiet. */
export const PARTS = ['setup', 'actors', 'verify'] as const;
export type Part = (typeof PARTS)[number];

/** Starts the tasks of one part; gives how many there are. */
export function spawnPart(part: Part): number {
  if (part === 'actors') {
    for (let i = 0; i < program.actors.length; i++) spawn((program.actors[i] as { cpu: number }).cpu, ACTOR, i);
    return program.actors.length;
  }
  if (program[part] === undefined) return 0;
  spawn(0, part === 'setup' ? SETUP : VERIFY, 0);
  return 1;
}

bindActorNames((task) => (task.program === ACTOR ? program.actors[task.arg]?.name : undefined));

/** Whether a machine that is quiet may leave this task behind. */
export function isDaemon(task: Task): boolean {
  return (task.taskFlags & PF_DAEMON) !== 0;
}
