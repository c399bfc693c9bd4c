/** All acceptance cases. */
import { barrierCases } from './barriers.ts';
import type { AcceptanceCase } from './case.ts';
import { deferredCases } from './deferred.ts';
import { flushCloneCases } from './flush-clones.ts';
import { flushCases } from './flushes.ts';
import { hookCases } from './hooks.ts';
import { inFlightCases } from './in-flight.ts';
import { interruptedCases } from './interrupted.ts';
import { errorCases } from './noflush-errors.ts';
import { noflushFlagCases } from './noflush-flag.ts';
import { multipathCases } from './noflush-multipath.ts';
import { pathCases } from './paths.ts';
import { requestCases } from './requests.ts';
import { requeueCases } from './requeue.ts';

export const cases: readonly AcceptanceCase[] = [
  ...multipathCases,
  ...errorCases,
  ...deferredCases,
  ...inFlightCases,
  ...hookCases,
  ...pathCases,
  ...requeueCases,
  ...interruptedCases,
  ...noflushFlagCases,
  ...barrierCases,
  ...requestCases,
  ...flushCases,
  ...flushCloneCases,
];
