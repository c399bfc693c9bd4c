/**
 * Submission: how a bio gets from its submitter to the driver, through stacked devices.
 *
 * Models generic_make_request (block/blk-core.c) in three forms; which one is bound when the machine boots:
 *   recursive    ≤ 2.6.21: calls the driver at once; the nesting of devices is the nesting of calls
 *   fifo         2.6.22 to 4.10: inside a driver a bio only joins the end of the task's private list, which is worked off when the
 *                driver returns
 *   depthFirst   4.11+: inside a driver a bio only joins the task's private list; when the driver returns, what it sent to
 *                lower devices goes first, then to the same device, then the older siblings
 *
 * With the last two a bio that is submitted from inside a driver has NOT reached its own driver when the call returns, so
 * nobody inside may wait for it.
 */

import { EIO } from '../machine/errno.ts';
import {
  CAUSE_BEYOND_END,
  EV_BIO_ERROR,
  EV_BIO_QUEUED,
  EV_BIO_SUBMIT,
  EV_BIO_UNQUEUED,
  emit,
  listening,
} from '../machine/events.ts';
import { type Kernel, resolved } from '../machine/kernel.ts';
import { current, mightSleep, type Task } from '../shared/task.ts';
import { Bio, bioEndio } from './bio.ts';
import { BlockDevice, makeRequests } from './block-device.ts';

/** Sends a bio on its way. */
export type SubmitEngine = (bio: Bio) => Kernel<void>;

export function* recursive(bio: Bio): Kernel<void> {
  const bdev = BlockDevice.at(bio.bdev);
  if (isBeyond(bio, yield* bdev.capacity.read(HERE))) yield* failBeyond(bio);
  else yield* makeRequests.at(bdev.makeRequest)(bdev, bio);
}

export function depthFirst(bio: Bio): Kernel<void> {
  const task = current();
  if (task.inMakeRequest === 0) return dispatch(task, bio);
  appendChild(task, bio);
  return resolved(undefined);
}

export function fifo(bio: Bio): Kernel<void> {
  const task = current();
  if (task.inMakeRequest === 0) return workOff(task, bio);
  appendChild(task, bio);
  return resolved(undefined);
}

function* workOff(task: Task, first: Bio): Kernel<void> {
  task.inMakeRequest = 1;
  for (let bio = first; ; ) {
    yield* recursive(bio);
    if (task.bioHead0 === 0) break;
    bio = Bio.at(task.bioHead0);
    task.bioHead0 = bio.next;
    bio.next = 0;
    if (listening !== 0) emit(EV_BIO_UNQUEUED, bio.address, 0, HERE);
  }
  task.inMakeRequest = 0;
}

/** The bio reaches beyond the device's end. A capacity of 0 is not checked. */
function isBeyond(bio: Bio, capacity: number): boolean {
  return capacity !== 0 && bio.sector + bio.size > capacity;
}

function failBeyond(bio: Bio): Kernel<void> {
  if (listening !== 0) emit(EV_BIO_ERROR, bio.address, CAUSE_BEYOND_END, HERE);
  return bioEndio(bio, -EIO);
}

function appendChild(task: Task, bio: Bio): void {
  if (listening !== 0) emit(EV_BIO_QUEUED, bio.address, 0, HERE);
  bio.next = 0;
  if (task.bioHead0 === 0) task.bioHead0 = bio.handle;
  else Bio.at(task.bioTail0).next = bio.handle;
  task.bioTail0 = bio.handle;
}

function* dispatch(task: Task, first: Bio): Kernel<void> {
  task.inMakeRequest = 1;
  let bio = first;
  for (;;) {
    const bdev = BlockDevice.at(bio.bdev);
    // The driver gets an empty list for its children; the older siblings wait in slot 1.
    task.bioHead1 = task.bioHead0;
    task.bioTail1 = task.bioTail0;
    task.bioHead0 = 0;
    if (isBeyond(bio, yield* bdev.capacity.read(HERE))) yield* failBeyond(bio);
    else yield* makeRequests.at(bdev.makeRequest)(bdev, bio);
    if (task.bioHead0 !== 0) lowerFirst(task, bdev.handle);
    else moveSiblings(task);
    if (task.bioHead0 === 0) break;
    bio = Bio.at(task.bioHead0);
    task.bioHead0 = bio.next;
    bio.next = 0;
    if (listening !== 0) emit(EV_BIO_UNQUEUED, bio.address, 0, HERE);
  }
  task.inMakeRequest = 0;
}

function moveSiblings(task: Task): void {
  task.bioHead0 = task.bioHead1;
  task.bioTail0 = task.bioTail1;
  task.bioHead1 = 0;
}

/** slot 0 := children for other devices ++ children for the same device ++ older siblings. */
function lowerFirst(task: Task, same: number): void {
  // One child and no siblings, as nearly always: the list is in order.
  if (task.bioHead0 === task.bioTail0 && task.bioHead1 === 0) return;
  const children: Bio[] = [];
  for (let handle = task.bioHead0; handle !== 0; ) {
    const child = Bio.at(handle);
    children.push(child);
    handle = child.next;
  }
  moveSiblings(task);
  let head = task.bioHead0;
  const prepend = (bio: Bio): void => {
    bio.next = head;
    if (head === 0) task.bioTail0 = bio.handle;
    head = bio.handle;
  };
  for (let i = children.length - 1; i >= 0; i--) if ((children[i] as Bio).bdev === same) prepend(children[i] as Bio);
  for (let i = children.length - 1; i >= 0; i--) if ((children[i] as Bio).bdev !== same) prepend(children[i] as Bio);
  task.bioHead0 = head;
}

let engine: SubmitEngine = depthFirst;

/** Which engine this machine uses. */
export function bindSubmitEngine(chosen: SubmitEngine): void {
  engine = chosen;
}

/** Submits a bio. It will end exactly once, perhaps before this returns. Process context, may sleep. */
export function genericMakeRequest(bio: Bio): Kernel<void> {
  mightSleep('generic_make_request', HERE);
  if (listening !== 0) emit(EV_BIO_SUBMIT, bio.address, (bio.bdev & 0x1ffff) << 3, HERE);
  return engine(bio);
}
