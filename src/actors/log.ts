/**
 * The log of one actor: rare lines only, each with the actor's and the task's name.
 *
 * Every line is written at once, because a worker may be parked, or ended, before an event loop would get its turn. The file is
 * opened when the first line is due, so that a quiet run leaves none behind.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Logger, pino } from 'pino';
import { memory } from '../shared/memory.ts';
import { cpuBase } from '../shared/per-cpu.ts';
import { CPU_CURRENT } from '../shared/per-cpu-layout.ts';
import { taskName } from '../shared/program.ts';
import { Task } from '../shared/task.ts';

export interface LogOptions {
  /** A level of pino, or `silent`. */
  readonly level: string;
  /** The folder of actors.log. */
  readonly folder: string;
}

const LOG_FILE = 'actors.log';

export class ActorLog {
  readonly #options: LogOptions;
  readonly #actor: string;
  #logger: Logger | null = null;

  constructor(options: LogOptions, actor: string) {
    this.#options = options;
    this.#actor = actor;
  }

  error(message: string, details: object): void {
    this.#write('error', message, details);
  }

  debug(message: string, details: object): void {
    this.#write('debug', message, details);
  }

  /** A line of the kernel log. */
  kernel(line: string): void {
    this.#write('info', line, {});
  }

  #write(level: 'error' | 'info' | 'debug', message: string, details: object): void {
    const { level: least } = this.#options;
    if (least === 'silent' || pino.levels.values[level] === undefined) return;
    if ((pino.levels.values[level] as number) < (pino.levels.values[least] as number)) return;
    this.#logger ??= this.#open();
    this.#logger[level]({ ...details, task: runningTask() }, message);
  }

  #open(): Logger {
    const { level, folder } = this.#options;
    try {
      mkdirSync(folder, { recursive: true });
      const destination = pino.destination({ dest: join(folder, LOG_FILE), sync: true, append: true });
      return pino({ level, base: { actor: this.#actor } }, destination);
    } catch {
      // The folder was there when the run began. What it was to hold beside this log is missed by the main thread, which says so;
      // a CPU must not die of it, because its finding would be lost.
      return pino({ level: 'silent' });
    }
  }
}

/** Name of the task that this thread's CPU runs. */
function runningTask(): string | undefined {
  const handle = memory.words[cpuBase + CPU_CURRENT];
  return handle === undefined || handle === 0 ? undefined : taskName(Task.at(handle));
}
