/**
 * round-robin: paths take turns, each for `repeat_count` I/Os in a row.
 *
 * Models dm-round-robin.c (2.6.20): the path at the head of the valid ones is taken and put at their tail; a path that is
 * reinstated comes to the head.
 */

import { Pgpath, type PriorityGroup } from './multipath.ts';
import { definePathSelector } from './path-selector.ts';

/** I/Os in a row, where the table does not say. */
const RR_MIN_IO = 1000;

function addTail(pg: PriorityGroup, pgpath: Pgpath): void {
  pgpath.validNext = 0;
  if (pg.validPaths === 0) {
    pg.validPaths = pgpath.handle;
    return;
  }
  let last = Pgpath.at(pg.validPaths);
  while (last.validNext !== 0) last = Pgpath.at(last.validNext);
  last.validNext = pgpath.handle;
}

function remove(pg: PriorityGroup, pgpath: Pgpath): void {
  if (pg.validPaths === pgpath.handle) {
    pg.validPaths = pgpath.validNext;
    return;
  }
  let before = Pgpath.at(pg.validPaths);
  while (before.validNext !== pgpath.handle) before = Pgpath.at(before.validNext);
  before.validNext = pgpath.validNext;
}

definePathSelector({
  name: 'round-robin',
  tableArgs: 1,
  infoArgs: 0,
  create: () => true,

  addPath(pg, pgpath, argv) {
    const [word] = argv;
    if (argv.length > 1) return 'round-robin ps: incorrect number of arguments';
    if (word !== undefined && !/^\d{1,9}$/.test(word)) return 'round-robin ps: invalid repeat count';
    pgpath.repeatCount = word === undefined ? RR_MIN_IO : Number(word);
    addTail(pg, pgpath);
    return null;
  },

  selectPath(pg) {
    if (pg.validPaths === 0) return null;
    const pgpath = Pgpath.at(pg.validPaths);
    remove(pg, pgpath);
    addTail(pg, pgpath);
    return pgpath;
  },

  failPath: remove,

  reinstatePath(pg, pgpath) {
    pgpath.validNext = pg.validPaths;
    pg.validPaths = pgpath.handle;
  },

  tableText: ({ repeatCount }) => `${repeatCount} `,
  infoText: () => '',
});
