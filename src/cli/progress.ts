/**
 * One line on stderr that says how far a long command is; nothing when stderr is no terminal, or one without a width.
 */
import ora from 'ora';

export interface Progress {
  say(text: string): void;
  stop(): void;
}

/** Shows how far this work is until it ends, however it does. */
export async function withProgress<T>(text: string, work: (progress: Progress) => Promise<T>): Promise<T> {
  const progress = startProgress(text);
  try {
    return await work(progress);
  } finally {
    progress.stop();
  }
}

export function startProgress(text: string): Progress {
  // A terminal that does not know its width says 0 (script(1), some containers): ora would clear lines of it for ever.
  if (!process.stderr.isTTY || !(process.stderr.columns > 0)) return { say() {}, stop() {} };
  // Keyboard and cursor stay as they are, so that Ctrl-C works as everywhere.
  // https://no-color.org: the variable counts if it is there and not empty.
  const color = (process.env['NO_COLOR'] ?? '') === '' ? 'cyan' : false;
  const spinner = ora({ text, color, stream: process.stderr, discardStdin: false, hideCursor: false }).start();
  return {
    say(next) {
      spinner.text = next;
    },
    stop() {
      spinner.stop();
    },
  };
}
