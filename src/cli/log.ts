/**
 * The log of the main thread: pino on stderr, pretty on a terminal, JSON lines otherwise.
 */
import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug', 'trace'] as const;

export function makeLog(level: string): Logger {
  const base = { actor: 'administrator' };
  // A stream and not a transport: a transport would need this thread's event loop to live on after the last line.
  if (process.stderr.isTTY)
    return pino({ level, base }, pretty({ destination: 2, sync: true, ignore: 'pid,hostname' }));
  return pino({ level, base }, pino.destination({ dest: 2, sync: true }));
}
