/**
 * The public door: what other programs may import.
 */

export type { Bootable, BootModule, RoundOrder } from './actors/boot-module.ts';
export { RealMachine, type RealMachineOptions, type RoundResult } from './actors/machine.ts';
export { type ExploreRequest, exploreScenario } from './cli/explore-scenario.ts';
export type { StressSettings } from './cli/stress/order.ts';
export { type StressHooks, type StressOutcome, StressRunner } from './cli/stress/runner.ts';
export { type DmTarget, defineTarget, type TargetType } from './core/device-mapper.ts';
export { type ExploreOptions, type ExploreResult, explore } from './explore/explore.ts';
export { Walk } from './explore/strategies/walk.ts';
export type { FindingKind } from './machine/finding.ts';
export type { FindingReport, PlaceReport, Program } from './machine/machine.ts';
export type { Scenario, Suite } from './scenarios/scenario.ts';
