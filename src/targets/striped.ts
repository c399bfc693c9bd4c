/**
 * striped: chunks of the target lie on several devices in turn. `striped <stripes> <chunk> { <dev> <start> }`
 *
 * Models dm-stripe.c. I/O is split at chunks. A flush goes to each stripe: flush n to stripe n. A request is not split, so one that
 * crosses a chunk fails; the queue above is told not to make such. Not modelled: events of failed stripes.
 */
import {
  type Bio,
  blkBarrierRq,
  type DeviceArea,
  DM_ENDIO_DONE,
  DM_MAPIO_REMAPPED,
  type DmRqTargetIo,
  type DmTarget,
  type DmTargetIo,
  defineStruct,
  defineTarget,
  deviceNumber,
  dmCloseDevice,
  dmOpenDevice,
  dmRemapRequest,
  EIO,
  EOPNOTSUPP,
  embed,
  type Kernel,
  memory,
  ops,
  parseSector,
  plain,
  type Request,
  RMW_ADD,
  resolved,
  type Struct,
} from '../core/device-mapper.ts';

const STRIPES_MAX = 8;

interface StripeC extends Struct {
  stripes: number;
  /** Sectors of a chunk. */
  chunk: number;
  /** For each stripe: handle of its device, its first sector there, and how many I/Os have failed on it. */
  readonly devices: { readonly word: number };
  readonly starts: { readonly word: number };
  readonly errors: { readonly word: number };
}

const words = embed(STRIPES_MAX, (word) => ({ word }));

const StripeC = defineStruct<StripeC>('stripe-c', 'sc', 6, {
  stripes: plain,
  chunk: plain,
  devices: words,
  starts: words,
  errors: words,
});

const stripesOf = (ti: DmTarget): StripeC => StripeC.at(ti.private);
const deviceOf = (sc: StripeC, stripe: number): number => memory.words[sc.devices.word + stripe] as number;
const startOf = (sc: StripeC, stripe: number): number => memory.words[sc.starts.word + stripe] as number;

/** Why the numbers in front cannot be, or null. */
function refusal(ti: DmTarget, stripes: number | null, chunk: number | null, destinations: number): string | null {
  if (stripes === null || stripes < 1 || stripes > STRIPES_MAX) return 'Invalid stripe count';
  if (chunk === null || chunk < 1) return 'Invalid chunk_size';
  if (ti.len % stripes !== 0) return 'Target length not divisible by number of stripes';
  if ((ti.len / stripes) % chunk !== 0) return 'Target length not divisible by chunk size';
  return destinations === 2 * stripes ? null : 'Not enough destinations specified';
}

function* ctr(ti: DmTarget, argv: readonly string[]): Kernel<string | null> {
  if (argv.length < 2) return 'Not enough arguments';
  const stripes = parseSector(argv[0]);
  const chunk = parseSector(argv[1]);
  const reason = refusal(ti, stripes, chunk, argv.length - 2);
  if (reason !== null) return reason;
  const sc = StripeC.alloc();
  if (sc === null) return 'Memory allocation for striped context failed';
  ti.private = sc.handle;
  sc.chunk = chunk as number;
  for (; sc.stripes < (stripes as number); sc.stripes++) {
    const start = parseSector(argv[3 + 2 * sc.stripes]);
    const device = start === null ? 0 : yield* dmOpenDevice(ti, argv[2 + 2 * sc.stripes] as string);
    if (device === 0) {
      yield* dtr(ti);
      return "Couldn't parse stripe destination";
    }
    memory.words[sc.devices.word + sc.stripes] = device;
    memory.words[sc.starts.word + sc.stripes] = start as number;
  }
  ti.splitIo = sc.chunk;
  ti.numFlushRequests = sc.stripes;
  return null;
}

function* dtr(ti: DmTarget): Kernel<void> {
  const sc = stripesOf(ti);
  for (let stripe = 0; stripe < sc.stripes; stripe++) yield* dmCloseDevice(deviceOf(sc, stripe));
  StripeC.free(sc);
}

/** Where a sector of the target lies. Models stripe_map_sector. */
function place(ti: DmTarget, sector: number): { readonly stripe: number; readonly sector: number } {
  const sc = stripesOf(ti);
  const offset = sector - ti.begin;
  const chunk = Math.floor(offset / sc.chunk);
  const stripe = chunk % sc.stripes;
  const row = Math.floor(chunk / sc.stripes);
  return { stripe, sector: startOf(sc, stripe) + row * sc.chunk + (offset % sc.chunk) };
}

function map(ti: DmTarget, clone: Bio, tio: DmTargetIo): Kernel<number> {
  if (clone.size === 0) {
    clone.bdev = deviceOf(stripesOf(ti), tio.info);
    return resolved(DM_MAPIO_REMAPPED);
  }
  const { stripe, sector } = place(ti, clone.sector);
  clone.bdev = deviceOf(stripesOf(ti), stripe);
  clone.sector = sector;
  return resolved(DM_MAPIO_REMAPPED);
}

function mapRq(ti: DmTarget, clone: Request, tio: DmRqTargetIo): Kernel<number> {
  const sc = stripesOf(ti);
  if (blkBarrierRq(clone)) {
    dmRemapRequest(clone, deviceOf(sc, tio.info), 0);
    return resolved(DM_MAPIO_REMAPPED);
  }
  if (((clone.sector - ti.begin) % sc.chunk) + clone.sectors > sc.chunk) return resolved(-EIO);
  const { stripe, sector } = place(ti, clone.sector);
  tio.info = stripe;
  dmRemapRequest(clone, deviceOf(sc, stripe), sector - clone.sector);
  return resolved(DM_MAPIO_REMAPPED);
}

function* noteError(sc: StripeC, stripe: number, error: number): Kernel<void> {
  if (error === 0 || error === -EOPNOTSUPP) return;
  yield* ops.rmw(sc.errors.word + stripe, RMW_ADD, 1, HERE);
}

defineTarget({
  name: 'striped',
  version: [1, 3, 0],
  ctr,
  dtr,
  map,
  mapRq,

  *endIo(ti, clone, error): Kernel<number> {
    const sc = stripesOf(ti);
    for (let stripe = 0; error !== 0 && stripe < sc.stripes; stripe++)
      if (deviceOf(sc, stripe) === clone.bdev) yield* noteError(sc, stripe, error);
    return DM_ENDIO_DONE;
  },

  *rqEndIo(ti, _clone, error, tio): Kernel<number> {
    yield* noteError(stripesOf(ti), tio.info, error);
    return error;
  },

  iterateDevices(ti): DeviceArea[] {
    const sc = stripesOf(ti);
    const len = ti.len / sc.stripes;
    return Array.from({ length: sc.stripes }, (_, i) => ({ device: deviceOf(sc, i), start: startOf(sc, i), len }));
  },

  tableLine(ti) {
    const sc = stripesOf(ti);
    const stripes = Array.from({ length: sc.stripes }, (_, i) => `${deviceNumber(deviceOf(sc, i))} ${startOf(sc, i)}`);
    return resolved(`${sc.stripes} ${sc.chunk} ${stripes.join(' ')}`);
  },

  *statusLine(ti): Kernel<string> {
    const sc = stripesOf(ti);
    const devices: string[] = [];
    let letters = '';
    for (let stripe = 0; stripe < sc.stripes; stripe++) {
      devices.push(deviceNumber(deviceOf(sc, stripe)));
      letters += (yield* ops.load(sc.errors.word + stripe, HERE)) === 0 ? 'A' : 'D';
    }
    return `${sc.stripes} ${devices.join(' ')} 1 ${letters}`;
  },
});
