/**
 * Who wakes those who sleep on a wait queue, as far as it shows in where things are: for deadlocks that close while others still run.
 *
 *   pool.wait     who has its elements. A bio on a task's private list comes back only when that task goes on, and a clone's
 *                 records come back with the clone. One element is enough
 *   md.wait       who has clones that are under way, likewise. All must end
 *   wq.flushed    the worker; wq.stopped too
 *   inode_wait    who holds I_LOCK of an inode; of which one it is about, nobody knows
 *
 * Bios that are anywhere else may come back at any time.
 */
import { Bio } from '../block/bio.ts';
import { Inode, inodeWait } from '../block/inode.ts';
import { DmIo, DmTargetIo } from '../core/dm-io.ts';
import { MappedDevice } from '../core/mapped-device.ts';
import { Workqueue } from '../irq/workqueue.ts';
import { memory } from '../shared/memory.ts';
import { Mempool } from '../shared/mempool.ts';
import type { Struct, StructType } from '../shared/struct.ts';
import { Task } from '../shared/task.ts';
import type { Wakers } from '../shared/wait-queue.ts';
import { addressOf, BIO_NEXT, eachLive, mdOfTio, TIO_CLONE, TIO_IO } from './words.ts';

const BIO_POOL = Bio.offsetOf('pool');
const IO_POOL = DmIo.offsetOf('pool');
const TIO_POOL = DmTargetIo.offsetOf('pool');
const HEADS = [Task.offsetOf('bioHead0'), Task.offsetOf('bioHead1')];

/** On whose private list each bio is: the task's handle by the bio's address. */
function privateLists(): Map<number, number> {
  const w = memory.words;
  const owners = new Map<number, number>();
  eachLive(Task, (address) => {
    for (const head of HEADS)
      for (let handle = w[address + head] as number; handle !== 0; handle = w[addressOf(handle) + BIO_NEXT] as number)
        owners.set(addressOf(handle), Task.atAddress(address).handle);
  });
  return owners;
}

/** The tasks that have the elements of a pool; null when one of those is not known. */
function holdersOf(pool: number): number[] | null {
  const w = memory.words;
  const owners = privateLists();
  const holders: (number | undefined)[] = [];
  const clonesOf = new Map<number, number>();
  const outstanding = (
    type: StructType<Struct>,
    offset: number,
    ownerOf: (address: number) => number | undefined,
  ): void =>
    eachLive(type, (address) => {
      if (w[address + offset] === pool) holders.push(ownerOf(address));
    });
  const ownerOfTio = (tio: number): number | undefined => owners.get(addressOf(w[tio + TIO_CLONE] as number));
  eachLive(DmTargetIo, (tio) => {
    const owner = ownerOfTio(tio);
    if (owner !== undefined) clonesOf.set(addressOf(w[tio + TIO_IO] as number), owner);
  });
  outstanding(Bio, BIO_POOL, (bio) => owners.get(bio));
  outstanding(DmTargetIo, TIO_POOL, ownerOfTio);
  outstanding(DmIo, IO_POOL, (io) => clonesOf.get(io));
  return holders.includes(undefined) ? null : (holders as number[]);
}

/** The tasks that have clones of a mapped device on their private lists. */
function submittersOf(md: number): number[] {
  const owners = privateLists();
  const tasks: number[] = [];
  eachLive(DmTargetIo, (tio) => {
    const owner = owners.get(addressOf(memory.words[tio + TIO_CLONE] as number));
    if (owner !== undefined && mdOfTio(tio) === md) tasks.push(owner);
  });
  return tasks;
}

/** Those who wake the sleepers of the queue that starts at a word; null: nobody knows. */
export function wakersOf(queue: number): Wakers | null {
  let wakers: Wakers | null = null;
  if (queue === inodeWait.word) {
    const locked = Inode.live().filter(({ lockedBy }) => lockedBy !== 0);
    return { tasks: locked.map(({ lockedBy }) => lockedBy), needs: 'any' };
  }
  eachLive(Mempool, (address) => {
    const pool = Mempool.atAddress(address);
    if (pool.wait.word !== queue) return;
    const tasks = holdersOf(pool.handle);
    wakers = tasks === null ? null : { tasks, needs: 'any' };
  });
  eachLive(MappedDevice, (address) => {
    if (MappedDevice.atAddress(address).wait.word === queue) wakers = { tasks: submittersOf(address), needs: 'all' };
  });
  eachLive(Workqueue, (address) => {
    const { flushed, stopped, worker } = Workqueue.atAddress(address);
    if (flushed.word === queue || stopped.wait.word === queue) wakers = { tasks: [worker], needs: 'all' };
  });
  return wakers;
}
