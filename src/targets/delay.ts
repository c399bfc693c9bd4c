/**
 * delay: I/O waits before it goes on. `delay <dev> <start> <ms> [<write dev> <start> <ms> [<flush dev> <start> <ms>]]`
 *
 * Models dm-delay.c. A clone gets its device and sector at once, and joins a list; a timer goes off when the first of them is
 * due, and the work that it queues sends on what is due. presuspend stops the delaying and sends on everything.
 */
import {
  addTimer,
  type Bio,
  type BioList,
  bioListField,
  cpu,
  createSinglethreadWorkqueue,
  type DeviceArea,
  DM_MAPIO_REMAPPED,
  DM_MAPIO_SUBMITTED,
  type DmTarget,
  type DmTargetIo,
  defineStruct,
  defineTarget,
  defineWorker,
  delTimer,
  destroyWorkqueue,
  deviceNumber,
  dmCloseDevice,
  dmGetMapinfo,
  dmOpenDevice,
  embed,
  flushWorkqueue,
  freeTimer,
  genericMakeRequest,
  initWork,
  type Kernel,
  memory,
  ops,
  parseSector,
  plain,
  queueWork,
  REQ_WRITE,
  type SpinLock,
  type Struct,
  setupTimer,
  spinLockField,
  spinLockIrqsave,
  spinUnlockIrqrestore,
  Timer,
  timerFunctions,
  usleep,
  Work,
  Workqueue,
  workFunctions,
} from '../core/device-mapper.ts';

const READS = 0;
const WRITES = 1;
const FLUSHES = 2;
const CLASSES = 3;
/** Of a class: handle of its device, first sector, milliseconds, clones that are delayed. */
const DEVICE = 0;
const START = 1;
const DELAY_MS = 2;
const HELD = 3;
const CLASS_WORDS = 4;

interface Delay extends Struct {
  /** Guards all that changes below: the list, the counts, the timer. Any context, since the timer's softirq takes it. */
  readonly lock: SpinLock;
  /** Words in the table. */
  argc: number;
  readonly classes: { readonly word: number };
  readonly delayedBios: BioList;
  /** 0 while the device is suspended or about to be. */
  mayDelay: number;
  timer: number;
  /** The timer has been set and its function has not run; and when it shall, in the machine's microseconds. */
  timerPending: number;
  expires: number;
  wq: number;
  flushExpired: number;
}

const Delay = defineStruct<Delay>('delay', 'dc', 4, {
  lock: spinLockField,
  argc: plain,
  classes: embed(CLASSES * CLASS_WORDS, (word) => ({ word })),
  delayedBios: bioListField,
  mayDelay: plain,
  timer: plain,
  timerPending: plain,
  expires: plain,
  wq: plain,
  flushExpired: plain,
});

const delayOf = (ti: DmTarget): Delay => Delay.at(ti.private);
const wordOf = (dc: Delay, which: number, what: number): number => dc.classes.word + which * CLASS_WORDS + what;
const get = (dc: Delay, which: number, what: number): number => memory.words[wordOf(dc, which, what)] as number;
function classOf(clone: Bio): number {
  if (clone.size === 0) return FLUSHES;
  return (clone.bioFlags & REQ_WRITE) !== 0 ? WRITES : READS;
}
/** A machine's microseconds wrap after 2^32. */
const DELAY_MS_MAX = 1_000_000;
const KDELAYD = defineWorker('kdelayd');

function* ctr(ti: DmTarget, argv: readonly string[]): Kernel<string | null> {
  if (argv.length !== 3 && argv.length !== 6 && argv.length !== 9) return 'Requires exactly 3, 6 or 9 arguments';
  const dc = Delay.alloc();
  if (dc === null) return 'Cannot allocate context';
  ti.private = dc.handle;
  ti.numFlushRequests = 1;
  dc.argc = argv.length;
  for (let which = 0; which < CLASSES; which++) {
    // A class without words of its own is like the one before it.
    const from = Math.min(which * 3, argv.length - 3);
    const reason = yield* parseClass(ti, dc, which, argv.slice(from, from + 3));
    if (reason === null) continue;
    yield* closeDevices(dc);
    Delay.free(dc);
    return reason;
  }
  dc.mayDelay = 1;
  dc.timer = setupTimer(DELAY_TIMER, dc.handle).handle;
  dc.flushExpired = initWork(FLUSH_EXPIRED_BIOS, dc.handle).handle;
  dc.wq = createSinglethreadWorkqueue(KDELAYD, cpu)?.handle ?? 0;
  if (dc.wq !== 0) return null;
  yield* takeApart(dc);
  return "Couldn't start kdelayd";
}

function* parseClass(ti: DmTarget, dc: Delay, which: number, argv: readonly string[]): Kernel<string | null> {
  const start = parseSector(argv[1]);
  if (start === null) return 'Invalid device sector';
  const ms = parseSector(argv[2]);
  if (ms === null || ms > DELAY_MS_MAX) return 'Invalid delay';
  const device = yield* dmOpenDevice(ti, argv[0] as string);
  if (device === 0) return 'Device lookup failed';
  const w = memory.words;
  w[wordOf(dc, which, DEVICE)] = device;
  w[wordOf(dc, which, START)] = start;
  w[wordOf(dc, which, DELAY_MS)] = ms;
  return null;
}

function* closeDevices(dc: Delay): Kernel<void> {
  for (let which = 0; which < CLASSES; which++)
    if (get(dc, which, DEVICE) !== 0) yield* dmCloseDevice(get(dc, which, DEVICE));
}

function* dtr(ti: DmTarget): Kernel<void> {
  const dc = delayOf(ti);
  yield* delTimerSync(dc);
  yield* destroyWorkqueue(Workqueue.at(dc.wq), HERE);
  yield* takeApart(dc);
}

function* takeApart(dc: Delay): Kernel<void> {
  freeTimer(Timer.at(dc.timer));
  Work.free(Work.at(dc.flushExpired));
  yield* closeDevices(dc);
  Delay.free(dc);
}

/** Stops the timer; when this returns its function neither runs nor will. */
function* delTimerSync(dc: Delay): Kernel<void> {
  for (;;) {
    const saved = yield* spinLockIrqsave(dc.lock, HERE);
    if (dc.timerPending !== 0 && (yield* delTimer(Timer.at(dc.timer), HERE)) !== 0) dc.timerPending = 0;
    const pending = dc.timerPending;
    yield* spinUnlockIrqrestore(dc.lock, saved, HERE);
    if (pending === 0) return;
    // It has gone off: its softirq comes, perhaps on this CPU.
    yield* usleep(10, HERE);
  }
}

function* map(ti: DmTarget, clone: Bio, tio: DmTargetIo): Kernel<number> {
  const dc = delayOf(ti);
  const which = classOf(clone);
  clone.bdev = get(dc, which, DEVICE);
  if (which !== FLUSHES) clone.sector = get(dc, which, START) + (clone.sector - ti.begin);
  const us = get(dc, which, DELAY_MS) * 1000;
  if (us === 0) return DM_MAPIO_REMAPPED;
  const saved = yield* spinLockIrqsave(dc.lock, HERE);
  const delayed = dc.mayDelay !== 0;
  if (delayed) {
    tio.info = (ops.nowUs() + us) | 0;
    dc.delayedBios.add(clone);
    (memory.words[wordOf(dc, which, HELD)] as number)++;
    yield* queueTimeout(dc, tio.info);
  }
  yield* spinUnlockIrqrestore(dc.lock, saved, HERE);
  return delayed ? DM_MAPIO_SUBMITTED : DM_MAPIO_REMAPPED;
}

/** With dc->lock held: the timer goes off at `expires` or before. */
function* queueTimeout(dc: Delay, expires: number): Kernel<void> {
  if (dc.timerPending !== 0) {
    if (((expires - dc.expires) | 0) >= 0) return;
    // One that has gone off is about to look at the list.
    if ((yield* delTimer(Timer.at(dc.timer), HERE)) === 0) return;
  }
  dc.timerPending = 1;
  dc.expires = expires;
  yield* addTimer(Timer.at(dc.timer), Math.max(0, (expires - ops.nowUs()) | 0), HERE);
}

const DELAY_TIMER = timerFunctions.define('delay', function* handleDelayedTimer(handle): Kernel<void> {
  const dc = Delay.at(handle);
  const saved = yield* spinLockIrqsave(dc.lock, HERE);
  dc.timerPending = 0;
  // Under the lock: who finds the timer stopped takes the queue apart.
  yield* queueWork(Workqueue.at(dc.wq), Work.at(dc.flushExpired), HERE);
  yield* spinUnlockIrqrestore(dc.lock, saved, HERE);
});

const FLUSH_EXPIRED_BIOS = workFunctions.define('flush_expired_bios', function* flushExpiredBios(handle): Kernel<void> {
  yield* flushDelayedBios(Delay.at(handle), false);
});

/** Sends on what is due, or everything. */
function* flushDelayedBios(dc: Delay, all: boolean): Kernel<void> {
  const due: Bio[] = [];
  const saved = yield* spinLockIrqsave(dc.lock, HERE);
  const next = takeDue(dc, all, due);
  if (next !== null) yield* queueTimeout(dc, next);
  yield* spinUnlockIrqrestore(dc.lock, saved, HERE);
  for (const clone of due) yield* genericMakeRequest(clone);
}

/**
 * With dc->lock held. Gives when the first of the others is due. A timer that has gone off stands for its time: on the model it
 * goes off when the scheduler says so, whatever the clock says.
 */
function takeDue(dc: Delay, all: boolean, due: Bio[]): number | null {
  const now = dc.timerPending === 0 ? Math.max(0, (dc.expires - ops.nowUs()) | 0) + ops.nowUs() : ops.nowUs();
  const kept: Bio[] = [];
  let next: number | null = null;
  for (let clone = dc.delayedBios.pop(); clone !== null; clone = dc.delayedBios.pop()) {
    const expires = dmGetMapinfo(clone).info;
    if (all || ((expires - now) | 0) <= 0) {
      (memory.words[wordOf(dc, classOf(clone), HELD)] as number)--;
      due.push(clone);
    } else {
      if (next === null || ((expires - next) | 0) < 0) next = expires;
      kept.push(clone);
    }
  }
  for (const clone of kept) dc.delayedBios.add(clone);
  return next;
}

function* setMayDelay(dc: Delay, may: boolean): Kernel<void> {
  const saved = yield* spinLockIrqsave(dc.lock, HERE);
  dc.mayDelay = may ? 1 : 0;
  yield* spinUnlockIrqrestore(dc.lock, saved, HERE);
}

function* presuspend(ti: DmTarget): Kernel<void> {
  const dc = delayOf(ti);
  yield* setMayDelay(dc, false);
  yield* delTimerSync(dc);
  yield* flushDelayedBios(dc, true);
}

const numberOf = (dc: Delay, which: number): string =>
  `${deviceNumber(get(dc, which, DEVICE))} ${get(dc, which, START)} ${get(dc, which, DELAY_MS)}`;

defineTarget({
  name: 'delay',
  version: [1, 4, 0],
  ctr,
  dtr,
  map,
  presuspend,
  *postsuspend(ti): Kernel<void> {
    // What the timer had queued before presuspend stopped it.
    yield* flushWorkqueue(Workqueue.at(delayOf(ti).wq), HERE);
  },
  resume: (ti) => setMayDelay(delayOf(ti), true),

  iterateDevices(ti): DeviceArea[] {
    const dc = delayOf(ti);
    return [0, 1, 2].map((which) => ({ device: get(dc, which, DEVICE), start: get(dc, which, START) }));
  },

  *tableLine(ti): Kernel<string> {
    const dc = delayOf(ti);
    return [0, 1, 2]
      .slice(0, dc.argc / 3)
      .map((which) => numberOf(dc, which))
      .join(' ');
  },

  *statusLine(ti): Kernel<string> {
    const dc = delayOf(ti);
    const saved = yield* spinLockIrqsave(dc.lock, HERE);
    const held = [0, 1, 2].map((which) => get(dc, which, HELD));
    yield* spinUnlockIrqrestore(dc.lock, saved, HERE);
    return held.join(' ');
  },
});
