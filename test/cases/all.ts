/** All acceptance cases. */
import type { AcceptanceCase } from './case.ts';
import { deferredCases } from './deferred.ts';
import { hookCases } from './hooks.ts';
import { inFlightCases } from './in-flight.ts';
import { errorCases } from './noflush-errors.ts';
import { multipathCases } from './noflush-multipath.ts';
import { pathCases } from './paths.ts';

export const cases: readonly AcceptanceCase[] = [
  ...multipathCases,
  ...errorCases,
  ...deferredCases,
  ...inFlightCases,
  ...hookCases,
  ...pathCases,
];
