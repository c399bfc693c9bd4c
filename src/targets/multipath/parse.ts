/**
 * A multipath target from its table line:
 *
 *   <#features> [feature…] <#handler words> [handler…] <#groups> <first group>
 *     { <selector> <#selector words> [word…] <#paths> <#path words> { <device> [word…] } }
 *
 * Models parse_features, parse_hw_handler, parse_priority_group and parse_path of dm-mpath.c, with their reasons, in their
 * order. Nobody else knows the target yet, so nothing is locked.
 */
import { type DmTarget, dmOpenDevice, type Kernel } from '../../core/device-mapper.ts';
import { type Arguments, Refusal } from './arguments.ts';
import { hardwareHandlers } from './hardware-handler.ts';
import { type Multipath, Pgpath, PriorityGroup } from './multipath.ts';
import { type PathSelectorType, pathSelectors } from './path-selector.ts';

const FEATURE_WORDS_MAX = 8;
const COUNT_MAX = 1024;

export function* parse(ti: DmTarget, m: Multipath, words: Arguments): Kernel<void> {
  parseFeatures(m, words.group(FEATURE_WORDS_MAX, 'invalid number of feature args'));
  const handler = words.group(COUNT_MAX, 'invalid number of hardware handler args');
  const groups = words.number(0, COUNT_MAX, 'invalid number of priority groups');
  const first = words.number(0, COUNT_MAX, 'invalid initial priority group number');
  if ((groups === 0) !== (first === 0)) throw new Refusal('invalid initial priority group');
  let last: PriorityGroup | null = null;
  while (words.left > 0) {
    const pg = appendGroup(m, last);
    yield* parsePriorityGroup(ti, m, pg, words, handler);
    if (pg.pgNum === first) m.nextPg = pg.handle;
    last = pg;
  }
  if (m.nrPriorityGroups !== groups) throw new Refusal('priority group count mismatch');
}

function parseFeatures(m: Multipath, words: Arguments): void {
  while (words.left > 0) {
    const feature = words.shift();
    if (feature === 'queue_if_no_path') {
      m.queueIfNoPath = 1;
      m.savedQueueIfNoPath = 1;
    } else if (feature === 'retain_attached_hw_handler') {
      m.retainAttachedHwHandler = 1;
    } else if (feature === 'pg_init_retries' && words.left > 0) {
      m.pgInitRetries = words.number(1, 50, 'pg_init_retries must be between 1 and 50');
    } else if (feature === 'pg_init_delay_msecs' && words.left > 0) {
      m.pgInitDelay = 1 + words.number(0, 60_000, 'pg_init_delay_msecs must be between 0 and 60000');
    } else if (feature === 'queue_mode' && words.left > 0) {
      // There are no request-based devices here.
      if (words.shift() !== 'bio') throw new Refusal("Unknown 'queue_mode' requested");
      m.queueModeBio = 1;
    } else {
      throw new Refusal('Unrecognised multipath feature request');
    }
  }
}

/** Once, when the first path is there to be attached to. */
function attachHandler(m: Multipath, words: Arguments): void {
  if (words.left === 0 || m.hwHandler !== 0) return;
  const id = hardwareHandlers.idOf(words.shift());
  if (id === 0) throw new Refusal('error attaching hardware handler');
  const context = hardwareHandlers.at(id).create(words.take(words.left));
  if (typeof context === 'string') throw new Refusal(context);
  m.hwHandler = id;
  m.hwContext = context;
}

function appendGroup(m: Multipath, last: PriorityGroup | null): PriorityGroup {
  const pg = PriorityGroup.alloc();
  if (pg === null) throw new Refusal("couldn't allocate priority group");
  pg.m = m.handle;
  pg.pgNum = ++m.nrPriorityGroups;
  if (last === null) m.priorityGroups = pg.handle;
  else last.next = pg.handle;
  return pg;
}

function* parsePriorityGroup(
  ti: DmTarget,
  m: Multipath,
  pg: PriorityGroup,
  words: Arguments,
  handler: Arguments,
): Kernel<void> {
  if (words.left < 2) throw new Refusal('not enough priority group arguments');
  const ps = parsePathSelector(pg, words);
  const paths = words.number(1, COUNT_MAX, 'invalid number of paths');
  const pathWords = 1 + words.number(0, COUNT_MAX, 'invalid number of selector args');
  let last: Pgpath | null = null;
  for (let i = 0; i < paths; i++) {
    if (words.left < pathWords) throw new Refusal('not enough path parameters');
    const pgpath = appendPath(pg, last);
    const [path = '', ...rest] = words.take(pathWords);
    pgpath.device = yield* dmOpenDevice(ti, path);
    if (pgpath.device === 0) throw new Refusal('error getting device');
    attachHandler(m, handler);
    const reason = ps.addPath(pg, pgpath, rest);
    if (reason !== null) throw new Refusal(reason);
    pgpath.isActive = 1;
    m.nrValidPaths++;
    last = pgpath;
  }
}

function parsePathSelector(pg: PriorityGroup, words: Arguments): PathSelectorType {
  const id = pathSelectors.idOf(words.shift());
  if (id === 0) throw new Refusal('unknown path selector type');
  const ps = pathSelectors.at(id);
  const args = words.group(COUNT_MAX, 'invalid number of path selector args');
  if (!ps.create(args.take(args.left))) throw new Refusal('path selector constructor failed');
  pg.ps = id;
  return ps;
}

function appendPath(pg: PriorityGroup, last: Pgpath | null): Pgpath {
  const pgpath = Pgpath.alloc();
  if (pgpath === null) throw new Refusal("couldn't allocate path");
  pgpath.pg = pg.handle;
  pg.nrPgpaths++;
  if (last === null) pg.pgpaths = pgpath.handle;
  else last.next = pgpath.handle;
  return pgpath;
}
