/** All acceptance cases. */
import type { AcceptanceCase } from './case.ts';
import { deferredCases } from './deferred.ts';
import { multipathCases } from './noflush-multipath.ts';

export const cases: readonly AcceptanceCase[] = [...multipathCases, ...deferredCases];
