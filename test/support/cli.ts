/** Runs the built command as a child process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

export interface CliResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command and what it has printed so far. */
export interface RunningCli {
  readonly process: ChildProcess;
  /** Resolves when the command has printed a text on stdout. */
  printed(text: string): Promise<void>;
  /** Resolves when the command has printed a text on stderr. */
  logged(text: string): Promise<void>;
  readonly ended: Promise<CliResult>;
}

/** Those who wait for a text in what a stream has brought so far. */
class Watchers {
  readonly #soFar: () => string;
  readonly #waiting: { text: string; done: () => void }[] = [];

  constructor(soFar: () => string) {
    this.#soFar = soFar;
  }

  look(): void {
    for (const { text, done } of this.#waiting) if (this.#soFar().includes(text)) done();
  }

  wait(text: string): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ text, done: resolve });
      this.look();
    });
  }
}

export function startCli(args: readonly string[], cwd: string): RunningCli {
  // The test runner's own loaders are not the command's business.
  const env = { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' };
  const child = spawn(process.execPath, [BIN, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  const printed = new Watchers(() => stdout);
  const logged = new Watchers(() => stderr);
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
    printed.look();
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
    logged.look();
  });
  const ended = new Promise<CliResult>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { process: child, printed: (text) => printed.wait(text), logged: (text) => logged.wait(text), ended };
}

export function runCli(args: readonly string[], cwd: string): Promise<CliResult> {
  return startCli(args, cwd).ended;
}
