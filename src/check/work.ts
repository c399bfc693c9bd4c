/**
 * I20 WORK_ONCE: an item is on at most one list, once, and its PENDING bit says whether it is there. Items of a queue do not overlap, since
 * one thread serves it. The lists themselves are looked at: there is no state of the oracle's own.
 */
import { Work, Workqueue, workFunctions } from '../irq/workqueue.ts';
import { report } from '../machine/finding.ts';
import type { Site } from '../machine/site.ts';
import { memory } from '../shared/memory.ts';
import { eachLive } from './words.ts';

const FIRST = Workqueue.offsetOf('first');
const NEXT = Work.offsetOf('next');
const FN = Work.offsetOf('fn');
const PENDING = Work.offsetOf('pending');

const pendingOf = (work: number): number => Atomics.load(memory.words, work + PENDING);

const workName = (work: number): string => `the work item ${workFunctions.nameOf(memory.words[work + FN] as number)}`;

/** How often an item is on the list of a queue; while nobody changes the list. */
function timesOn(wq: number, work: number): number {
  const w = memory.words;
  const { handle } = Work.atAddress(work);
  let times = 0;
  // A list with an item twice is a circle.
  for (let next = w[wq + FIRST] as number; next !== 0 && times < 2; next = w[Work.at(next).address + NEXT] as number)
    if (next === handle) times++;
  return times;
}

/** It has just been put there, with the queue's lock held. */
export function workQueued(work: number, wq: number, site: Site): void {
  const times = timesOn(wq, work);
  if (times > 1) report('assertion', 'I20', `${workName(work)} is queued while it is on the list`, site);
  if (pendingOf(work) !== 1) report('assertion', 'I20', `${workName(work)} is on a list and not pending`, site);
}

/** Nothing moves: all items have run, so hardly ever is there a list to look through. */
export function checkWorks(): void {
  let queued = false;
  eachLive(Workqueue, (wq) => {
    queued ||= memory.words[wq + FIRST] !== 0;
  });
  eachLive(Work, (work) => {
    if (!queued && pendingOf(work) === 0) return;
    let lists = 0;
    eachLive(Workqueue, (wq) => {
      lists += timesOn(wq, work);
    });
    if (lists !== pendingOf(work))
      report('assertion', 'I20', `${workName(work)} is on ${lists} lists, and pending is ${pendingOf(work)}`);
  });
}
