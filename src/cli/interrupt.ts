/**
 * Ctrl-C: the first one stops the work under way so that what is known can be printed, the second one kills.
 */
import { EXIT_INTERRUPTED } from './usage.ts';

export interface InterruptGuard {
  readonly interrupted: boolean;
  release(): void;
}

/** `stop` is called at the first SIGINT or SIGTERM. */
export function onInterrupt(stop: () => void): InterruptGuard {
  let interrupted = false;
  const handler = (): void => {
    if (interrupted) process.exit(EXIT_INTERRUPTED);
    interrupted = true;
    stop();
  };
  process.on('SIGINT', handler);
  process.on('SIGTERM', handler);
  return {
    get interrupted() {
      return interrupted;
    },
    release() {
      process.off('SIGINT', handler);
      process.off('SIGTERM', handler);
    },
  };
}

/** The last line of a command. What had been found when it was interrupted is said too. */
export function verdictText(failures: readonly string[], interrupted: boolean, held = 'SUCCESS'): string {
  const failed = failures.length === 0 ? null : `FAILURE: ${failures.join('; ')}`;
  if (interrupted) return failed === null ? 'INTERRUPTED' : `INTERRUPTED (${failed})`;
  return failed ?? held;
}
