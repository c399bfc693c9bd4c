/**
 * The public door: what other programs may import.
 */

export type { Bootable, BootModule, RoundOrder } from './actors/boot-module.ts';
export { RealMachine, type RealMachineOptions, type RoundResult } from './actors/machine.ts';
export { REQ_READA, REQ_WRITE } from './block/bio.ts';
export { type ExploreRequest, exploreScenario } from './cli/explore-scenario.ts';
export { check, type Explored, explore, FindingError, type SearchOptions } from './cli/own-search.ts';
export type { StressSettings } from './cli/stress/order.ts';
export { type StressHooks, type StressOutcome, StressRunner } from './cli/stress/runner.ts';
export { DM_SKIP_LOCKFS_FLAG, dmTableLoad, doResume, doSuspend } from './core/ioctl.ts';
export { DM_SUSPEND_NOFLUSH_FLAG } from './core/suspend.ts';
export type { StrategyName } from './explore/strategies/all.ts';
export { errnoText } from './machine/errno.ts';
export type { FindingKind } from './machine/finding.ts';
export type { Kernel } from './machine/kernel.ts';
export type { FindingReport, PlaceReport, Program } from './machine/machine.ts';
export { here, named, type Site } from './machine/site.ts';
export { Device, type DeviceOptions } from './scenarios/device.ts';
export { defineScenario, type OwnActor, type OwnOptions, type Parts, type Run } from './scenarios/own/define.ts';
export {
  assert,
  type Completion,
  type Lock,
  type Semaphore,
  type SharedLock,
  type SpinLock,
  type WaitQueue,
  Word,
  type World,
} from './scenarios/own/world.ts';
export type { Scenario, Suite } from './scenarios/scenario.ts';
export { type IoRequest, submitIo, type UserIo, waitIo } from './scenarios/user-io.ts';
