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
  readonly ended: Promise<CliResult>;
}

export function startCli(args: readonly string[], cwd: string): RunningCli {
  // The test runner's own loaders are not the command's business.
  const env = { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' };
  const child = spawn(process.execPath, [BIN, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  const watchers: { text: string; done: () => void }[] = [];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
    for (const { text, done } of watchers) if (stdout.includes(text)) done();
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const ended = new Promise<CliResult>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  const printed = (text: string): Promise<void> =>
    new Promise((resolve) => {
      if (stdout.includes(text)) resolve();
      else watchers.push({ text, done: resolve });
    });
  return { process: child, printed, ended };
}

export function runCli(args: readonly string[], cwd: string): Promise<CliResult> {
  return startCli(args, cwd).ended;
}
