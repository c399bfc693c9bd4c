/**
 * Path selectors: which path of a group takes the next I/O.
 *
 * Models struct path_selector_type of dm-path-selector.h. All of it runs with m->lock held, except the construction.
 */
import { FunctionTable } from '../../core/device-mapper.ts';
import type { Pgpath, PriorityGroup } from './multipath.ts';

export interface PathSelectorType {
  readonly name: string;
  /** Words that it prints for a path, in a table and in a status. */
  readonly tableArgs: number;
  readonly infoArgs: number;
  /** Whether it can be made from the words behind its name. */
  create(argv: readonly string[]): boolean;
  /** Takes a path in, with the words behind its device; null, or the reason why not. */
  addPath(pg: PriorityGroup, pgpath: Pgpath, argv: readonly string[]): string | null;
  /** The path for the next I/Os, or null when none is usable. */
  selectPath(pg: PriorityGroup): Pgpath | null;
  failPath(pg: PriorityGroup, pgpath: Pgpath): void;
  reinstatePath(pg: PriorityGroup, pgpath: Pgpath): void;
  /** The words of a path, each with a space behind it. */
  tableText(pgpath: Pgpath): string;
  infoText(pgpath: Pgpath): string;
}

export const pathSelectors = new FunctionTable<PathSelectorType>('path selector');

/** Registers a selector. */
export function definePathSelector(type: PathSelectorType): void {
  pathSelectors.define(type.name, type);
}

export const selectorOf = (pg: PriorityGroup): PathSelectorType => pathSelectors.at(pg.ps);
