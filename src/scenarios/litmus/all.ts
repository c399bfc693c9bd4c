/**
 * All litmus tests, by name.
 */

import type { Scenario } from '../scenario.ts';
import { fifoTests } from './fifo.ts';
import { interruptTests } from './interrupts.ts';
import type { Litmus } from './litmus.ts';
import { lockOrderTests } from './lock-order.ts';
import { memoryOrderTests } from './memory-order.ts';
import { mutualExclusionTests } from './mutual-exclusion.ts';
import { readerTests } from './readers.ts';
import { serviceTests } from './services.ts';
import { turnTests } from './turns.ts';
import { waitingWriterTests } from './waiting-writer.ts';
import { wakeUpTests } from './wake-ups.ts';

export const litmusTests: readonly Litmus[] = [
  ...mutualExclusionTests,
  ...lockOrderTests,
  ...readerTests,
  ...waitingWriterTests,
  ...fifoTests,
  ...wakeUpTests,
  ...turnTests,
  ...interruptTests,
  ...serviceTests,
  ...memoryOrderTests,
];

/** `litmus/PROPERTY/LOCK@ITERATIONS`. */
const NAME = /^litmus\/(.+)@(\d+)$/;

/** The scenario of this name, or undefined: what a worker of the real machine is given to build. */
export function findLitmus(name: string): Scenario | undefined {
  const match = NAME.exec(name);
  if (match === null) return undefined;
  return litmusTests.find((test) => test.name === match[1])?.scenario({ iterations: Number(match[2]) });
}
