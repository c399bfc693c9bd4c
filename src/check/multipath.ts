/**
 * I27 QUEUE_SIZE, I28 NR_VALID: what a multipath target counts is what there is; and of I45 that nothing is left on its queue.
 *
 * Each change is said with m->lock held, so all its words stand still. Multipath.spliced counts the clones that the dispatcher
 * has taken off the queue and not yet mapped again; queue_size counts them too.
 */
import { Request } from '../block/request.ts';
import { report } from '../machine/finding.ts';
import type { Site } from '../machine/site.ts';
import { memory } from '../shared/memory.ts';
import { Multipath, Pgpath, PriorityGroup } from '../targets/multipath/multipath.ts';
import { locationName, locationOf, TARGET } from './bio-location.ts';
import { addressOf, BIO_NEXT, bioName, eachLive } from './words.ts';

const M_GROUPS = Multipath.offsetOf('priorityGroups');
const M_NR_VALID = Multipath.offsetOf('nrValidPaths');
const M_CURRENT = Multipath.offsetOf('currentPgpath');
const M_QUEUE_IF_NO_PATH = Multipath.offsetOf('queueIfNoPath');
const M_IN_PROGRESS = Multipath.offsetOf('pgInitInProgress');
const M_QUEUED = Multipath.offsetOf('queuedIos');
const M_QUEUED_RQS = Multipath.offsetOf('queuedRqFirst');
const RQ_NEXT = Request.offsetOf('next');
const M_QUEUE_SIZE = Multipath.offsetOf('queueSize');
const M_SPLICED = Multipath.offsetOf('spliced');
const PG_PATHS = PriorityGroup.offsetOf('pgpaths');
const PG_NEXT = PriorityGroup.offsetOf('next');
const PATH_ACTIVE = Pgpath.offsetOf('isActive');
const PATH_NEXT = Pgpath.offsetOf('next');

/** The queue or the paths have changed; `spliced`: see EV_MPATH. */
export function multipathChanged(m: number, spliced: number, site: Site): void {
  (memory.words[m + M_SPLICED] as number) += spliced;
  checkQueueSize(m, site);
  checkPaths(m, site);
}

function checkQueueSize(m: number, site: Site): void {
  const w = memory.words;
  let queued = 0;
  for (let handle = w[m + M_QUEUED] as number; handle !== 0; queued++) {
    const clone = addressOf(handle);
    if (locationOf(clone) !== TARGET)
      report('assertion', 'I27', `${bioName(clone)} is on a multipath's queue, but it is ${locationName(clone)}`, site);
    handle = w[clone + BIO_NEXT] as number;
  }
  for (let handle = w[m + M_QUEUED_RQS] as number; handle !== 0; handle = w[addressOf(handle) + RQ_NEXT] as number)
    queued++;
  const spliced = w[m + M_SPLICED] as number;
  const size = w[m + M_QUEUE_SIZE] as number;
  if (size !== queued + spliced)
    report(
      'assertion',
      'I27',
      `queue_size of a multipath is ${size}, but ${queued} clones are queued and ${spliced} are being mapped again`,
      site,
    );
}

function checkPaths(m: number, site: Site): void {
  const w = memory.words;
  let active = 0;
  for (let group = w[m + M_GROUPS] as number; group !== 0; group = w[addressOf(group) + PG_NEXT] as number)
    for (
      let path = w[addressOf(group) + PG_PATHS] as number;
      path !== 0;
      path = w[addressOf(path) + PATH_NEXT] as number
    )
      active += w[addressOf(path) + PATH_ACTIVE] as number;
  const valid = w[m + M_NR_VALID] as number;
  if (valid !== active)
    report(
      'assertion',
      'I28',
      `nr_valid_paths of a multipath is ${valid}, but ${active} of its paths are active`,
      site,
    );
  const current = w[m + M_CURRENT] as number;
  if (current !== 0 && w[addressOf(current) + PATH_ACTIVE] === 0)
    report('assertion', 'I28', 'the current path of a multipath is not active', site);
}

/** Nothing can move: the counts are exact, and I/O is queued only for want of a path or of an activation that is under way. */
export function checkMultipaths(): void {
  eachLive(Multipath, (m) => {
    const w = memory.words;
    checkQueueSize(m, 0);
    checkPaths(m, 0);
    if ((w[m + M_SPLICED] as number) > 0) report('lost-bio', 'I27', 'clones were taken off a queue and are on none');
    const size = w[m + M_QUEUE_SIZE] as number;
    const waits = w[m + M_IN_PROGRESS] !== 0 || (w[m + M_NR_VALID] === 0 && w[m + M_QUEUE_IF_NO_PATH] !== 0);
    if (size > 0 && !waits)
      report('lost-bio', 'I45', `${size} clones wait on a multipath's queue and nobody looks at it`);
  });
}
