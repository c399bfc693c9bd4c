/**
 * Hardware handlers: what makes a storage array serve a group's paths before I/O is sent down them.
 *
 * Models struct hw_handler_type of dm-hw-handler.h (2.6.20). An activation takes time; when it is over, the handler calls
 * dmPgInitComplete (pg-init.ts) with what went wrong, in any context.
 */
import { FunctionTable, type Kernel } from '../../core/device-mapper.ts';
import type { Pgpath } from './multipath.ts';

/** What dmPgInitComplete is told: bits; 0: the group is active. */
export const MP_FAIL_PATH = 1;
export const MP_BYPASS_PG = 2;
/** Try once more, up to `pg_init_retries` times. */
export const MP_RETRY = 8;

export interface HardwareHandlerType {
  readonly name: string;
  /** From the words behind its name: the handle of its own object, or the reason why not. */
  create(argv: readonly string[]): number | string;
  destroy(context: number): void;
  /** Begins to activate the path's group, `delayUs` from now. With m->lock not held; process context. */
  pgInit(context: number, pgpath: Pgpath, delayUs: number): Kernel<void>;
  /** The words behind its name. */
  tableText(context: number): string;
}

export const hardwareHandlers = new FunctionTable<HardwareHandlerType>('hardware handler');

/** Registers a handler. */
export function defineHardwareHandler(type: HardwareHandlerType): void {
  hardwareHandlers.define(type.name, type);
}
