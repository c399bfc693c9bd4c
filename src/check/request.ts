/**
 * Requests and the ordered sequence of a queue: I2, I22 NO_DISPATCH_DURING_FLUSH, I23 ORDSEQ_ONCE, I24 INFLIGHT_EXACT, I25
 * CLONE_COMPLETION_ONCE (as far as it is about requests), I26 BIO_BEFORE_REQUEST, I40 BARRIER_ORDER, I41 DURABILITY of one disk,
 * I52 IRQS_OFF_BOUND, and I19 QUEUE_LOCKS_DISJOINT.
 *
 * Each event is said with queue_lock held, but for the end of a bio. Words of Request.oracle, and of RequestQueue.oracle:
 *
 *   0   where it is: new, queued, started, aside, ended      0   number of the next request
 *   1   its number in the order in which it came             1   last write of the disk when the flush was started
 *   2   by which call of request_fn it was started last
 *
 * A barrier waits for all requests with a smaller number, and those with a larger one wait for its end. The oracle goes by these
 * numbers, the queue by colours.
 */
import { QUEUE_ORDSEQ_DRAIN, QUEUE_ORDSEQ_STARTED } from '../block/ordered-seq.ts';
import { blkAccountRq, CMD_FLUSH, REQ_TYPE_FS, Request } from '../block/request.ts';
import { cacheOf, RequestDisk } from '../block/request-disk.ts';
import { driverOf, RequestQueue } from '../block/request-queue.ts';
import { errnoText } from '../machine/errno.ts';
import { type FindingKind, report } from '../machine/finding.ts';
import type { Site } from '../machine/site.ts';
import { atBoot } from '../shared/boot.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { cpu, cpuCount } from '../shared/per-cpu.ts';
import { spinLockOwner } from '../shared/spinlock.ts';
import { BIO_SECTOR, BIO_SIZE, bioName, eachLive } from './words.ts';

const RQ_LOC = Request.offsetOf('oracle');
const RQ_QUEUE = Request.offsetOf('queue');
const RQ_SECTOR = Request.offsetOf('sector');
const RQ_NUMBER = RQ_LOC + 1;
const RQ_RUN = RQ_LOC + 2;
const Q_NEXT_NUMBER = RequestQueue.offsetOf('oracle');
const Q_FLUSH_FROM = Q_NEXT_NUMBER + 1;

const NAMES = ['new', 'on its queue', 'started', 'aside', 'ended'] as const;
const NEW = 0;
const QUEUED = 1;
const STARTED = 2;
const ASIDE = 3;
const ENDED = 4;

/** Calls of request_fn, a word for each CPU. */
let runs = 0;
atBoot('check-request-runs', () => {
  runs = staticWords(cpuCount() + 1);
});

/** Whether a request has been on a queue. */
export const wasInserted = (rq: number): boolean => locationOf(rq) !== NEW;

const locationOf = (rq: number): number => memory.words[rq + RQ_LOC] as number;

const rqName = (rq: Request): string =>
  rq.cmdType === REQ_TYPE_FS ? `the request of sector ${rq.sector}` : 'a command';

function move(address: number, from: number, to: number, kind: FindingKind, site: Site): void {
  const w = memory.words;
  const place = locationOf(address);
  if (((from >> place) & 1) === 0)
    report(
      kind,
      'I25',
      `${rqName(Request.atAddress(address))} cannot become ${NAMES[to]}: it is ${NAMES[place] ?? 'freed'}`,
      site,
    );
  w[address + RQ_LOC] = to;
}

/** I19: at most one queue_lock is this CPU's. */
function oneQueueLock(site: Site): void {
  let held = 0;
  eachLive(RequestQueue, (address) => {
    if (spinLockOwner(RequestQueue.atAddress(address).queueLock) === cpu + 1) held++;
  });
  if (held > 1) report('lock-order', 'I19', `CPU ${cpu} holds ${held} queue_locks`, site);
}

/**
 * The requests of a queue whose lock is held. Others may be freed at any moment, so their words are looked at and not they
 * themselves; one of this queue that is at one of these places stays there.
 */
function eachOf(q: RequestQueue, places: number, look: (rq: Request, address: number) => void): void {
  eachLive(Request, (address) => {
    if (memory.words[address + RQ_QUEUE] !== q.handle || ((places >> locationOf(address)) & 1) === 0) return;
    look(Request.atAddress(address), address);
  });
}

/** Started requests of type FS, counted one by one. */
function startedOf(q: RequestQueue): number {
  let count = 0;
  eachOf(q, 1 << STARTED, (rq) => {
    if (blkAccountRq(rq)) count++;
  });
  return count;
}

function inFlightExact(q: RequestQueue, site: Site): void {
  const started = startedOf(q);
  if (q.inFlight !== started)
    report('assertion', 'I24', `in_flight of a queue is ${q.inFlight}, but ${started} requests are started`, site);
}

export function requestInserted(address: number, queue: number, site: Site): void {
  oneQueueLock(site);
  // The three requests of a queue are used again and again.
  const rq = Request.atAddress(address);
  const q = RequestQueue.atAddress(queue);
  const own = rq.handle === q.preFlushRq || rq.handle === q.barRq || rq.handle === q.postFlushRq;
  move(address, (1 << NEW) | (own ? 1 << ENDED : 0), QUEUED, 'assertion', site);
  const w = memory.words;
  const next = w[queue + Q_NEXT_NUMBER] as number;
  w[address + RQ_NUMBER] = next;
  w[queue + Q_NEXT_NUMBER] = (next + 1) | 0;
}

/** The driver of a queue is being asked: a call with a number of its own. */
export function requestFnRuns(): void {
  (memory.words[runs + cpu] as number)++;
}

export function requestStarted(address: number, queue: number, site: Site): void {
  oneQueueLock(site);
  move(address, 1 << QUEUED, STARTED, 'assertion', site);
  const rq = Request.atAddress(address);
  const q = RequestQueue.atAddress(queue);
  inFlightExact(q, site);
  noEndlessTurn(address, rq, site);
  if (q.ordseq !== 0) startedInTurn(q, rq, address, site);
  if (rq.cmd === CMD_FLUSH && driverOf(q).name === 'disk')
    memory.words[queue + Q_FLUSH_FROM] = cacheOf(RequestDisk.at(q.queuedata)).lastWrite;
}

/** The call of request_fn that this CPU is in, or was in last. */
const thisRun = (): number => ((memory.words[runs + cpu] as number) << 5) | cpu;

/**
 * I52: request_fn is called with interrupts off; if it starts a request twice that came back without leaving it, it may do so for
 * ever.
 */
function noEndlessTurn(address: number, rq: Request, site: Site): void {
  const w = memory.words;
  const run = thisRun();
  if (w[address + RQ_RUN] === run)
    report('livelock', 'I52', `request_fn starts ${rqName(rq)} twice with interrupts off`, site);
  w[address + RQ_RUN] = run;
}

/** I22 and I40, while a sequence is under way. */
function startedInTurn(q: RequestQueue, rq: Request, address: number, site: Site): void {
  const w = memory.words;
  const flushes = [q.preFlushRq, q.postFlushRq];
  if (rq.cmdType !== REQ_TYPE_FS && !flushes.includes(rq.handle)) return;
  for (const handle of flushes)
    if (handle !== rq.handle && locationOf(Request.at(handle).address) === STARTED)
      report('reorder', 'I22', `${rqName(rq)} is started during the flush of a barrier`, site);
  const barrier = Request.at(q.origBarRq).address;
  const number = w[barrier + RQ_NUMBER] as number;
  const own = flushes.includes(rq.handle) || rq.handle === q.barRq;
  if (!own) {
    if ((((w[address + RQ_NUMBER] as number) - number) | 0) > 0)
      report('reorder', 'I40', `${rqName(rq)} overtakes the barrier that came before it`, site);
    return;
  }
  eachOf(q, (1 << QUEUED) | (1 << STARTED), (each, other) => {
    if (each.cmdType !== REQ_TYPE_FS) return;
    if (each.handle !== q.barRq && (((w[other + RQ_NUMBER] as number) - number) | 0) < 0)
      report('reorder', 'I40', `a barrier goes on while ${rqName(each)}, which came before it, has not ended`, site);
  });
}

export function requestRequeued(address: number, queue: number, site: Site): void {
  oneQueueLock(site);
  move(address, 1 << STARTED, QUEUED, 'double-completion', site);
  // Whoever else gives it back has had it: it was served meanwhile.
  if (memory.words[address + RQ_RUN] !== thisRun()) memory.words[address + RQ_RUN] = 0;
  if (memory.words[Request.atAddress(address).complete.word] !== 0)
    report('assertion', 'I25', 'a request is requeued with its COMPLETE bit set', site);
  inFlightExact(RequestQueue.atAddress(queue), site);
}

export function requestAside(address: number, site: Site): void {
  move(address, 1 << QUEUED, ASIDE, 'assertion', site);
}

export function requestEnds(address: number, error: number, site: Site): void {
  oneQueueLock(site);
  move(address, (1 << STARTED) | (1 << ASIDE), ENDED, 'double-completion', site);
  const rq = Request.atAddress(address);
  if (error > 0) report('wrong-error', 'I2', `${rqName(rq)} ends with the positive number ${error}`, site);
  const q = RequestQueue.at(rq.queue);
  if (rq.bioHead !== 0 && rq.handle !== q.barRq) report('lost-bio', 'I26', `${rqName(rq)} ends before its bios`, site);
  if (error === 0 && rq.cmd === CMD_FLUSH && driverOf(q).name === 'disk') flushed(q, site);
}

/** I41: what was written before the flush began is durable when it has ended. */
function flushed(q: RequestQueue, site: Site): void {
  const cache = cacheOf(RequestDisk.at(q.queuedata));
  const from = memory.words[q.address + Q_FLUSH_FROM] as number;
  for (let sector = 0; sector < RequestDisk.at(q.queuedata).sectors; sector++) {
    const since = cache.dirtySince(sector);
    if (since !== 0 && since <= from)
      report('lost-bio', 'I41', `a flush ends with ${errnoText(0)}, and sector ${sector} is not durable`, site);
  }
}

export function requestCompleted(queue: number, site: Site): void {
  inFlightExact(RequestQueue.atAddress(queue), site);
}

/** I26: bios of a request end while it is under way, in the order of their sectors. What has ended is no part of it any more. */
export function requestBioEnds(address: number, bio: number, site: Site): void {
  const w = memory.words;
  const place = locationOf(address);
  if (place !== STARTED && place !== ASIDE)
    report(
      'double-completion',
      'I26',
      `a bio of ${rqName(Request.atAddress(address))} ends while the request is ${NAMES[place] ?? 'freed'}`,
      site,
    );
  const due = (w[address + RQ_SECTOR] as number) - (w[bio + BIO_SIZE] as number);
  if (w[bio + BIO_SECTOR] !== due)
    report('reorder', 'I26', `${bioName(bio)} ends when sector ${due} of its request is due`, site);
}

/** I23: parts of a sequence are over, each once and in their order; the drain only when nothing is in flight. */
export function sequenceGoesOn(queue: number, seq: number, site: Site): void {
  const q = RequestQueue.atAddress(queue);
  if ((q.ordseq & seq) !== 0) report('double-completion', 'I23', 'a part of an ordered sequence ends twice', site);
  if ((q.ordseq & (seq - 1)) !== seq - 1)
    report('reorder', 'I23', 'a part of an ordered sequence ends before the one that comes first', site);
  if (seq === QUEUE_ORDSEQ_DRAIN) drained(q, site);
}

/** The same for what is left out at the beginning. */
export function sequenceBegins(queue: number, skip: number, site: Site): void {
  const q = RequestQueue.atAddress(queue);
  if (q.ordseq !== QUEUE_ORDSEQ_STARTED)
    report('double-completion', 'I23', 'an ordered sequence begins while another is under way', site);
  if ((skip & QUEUE_ORDSEQ_DRAIN) !== 0) drained(q, site);
}

function drained(q: RequestQueue, site: Site): void {
  const started = startedOf(q);
  if (started !== 0)
    report('reorder', 'I23', `a barrier has drained its queue with ${started} requests in flight`, site);
}
