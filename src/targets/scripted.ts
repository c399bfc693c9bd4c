/**
 * scripted: a linear target whose map, end_io and hooks a scenario sets. `scripted <dev> <start> <script>`
 *
 * It has no counterpart in the kernel: it does on demand what real targets do rarely, such as handing a bio back in the very
 * step in which a suspend is interrupted. What a hook does not answer, the target answers like linear.
 */
import {
  type Bio,
  DM_MAPIO_REMAPPED,
  type DmRqTargetIo,
  type DmTarget,
  type DmTargetIo,
  defineTarget,
  dmGetDevice,
  dmPutDevice,
  dmRemapRequest,
  type Kernel,
  parseSector,
  type Request,
  resolved,
  targetDeviceNumber,
} from '../core/device-mapper.ts';

/** What a script may answer; see TargetType. In `map` the clone still has the sector of the mapped device. */
export interface Script {
  map?(ti: DmTarget, clone: Bio, tio: DmTargetIo): Kernel<number>;
  endIo?(ti: DmTarget, clone: Bio, error: number, tio: DmTargetIo): Kernel<number>;
  mapRq?(ti: DmTarget, clone: Request, tio: DmRqTargetIo): Kernel<number>;
  rqEndIo?(ti: DmTarget, clone: Request, error: number, tio: DmRqTargetIo): Kernel<number>;
  busy?(ti: DmTarget): Kernel<number>;
  /** Default 1. */
  readonly numFlushRequests?: number;
  presuspend?(ti: DmTarget): Kernel<void>;
  postsuspend?(ti: DmTarget): Kernel<void>;
  preresume?(ti: DmTarget): Kernel<number>;
  resume?(ti: DmTarget): Kernel<void>;
}

let scripts: readonly Script[] = [];

/** Installs the scripts of the next program on this thread; a table line names one by its number. */
export function bindScripts(list: readonly Script[]): void {
  scripts = list;
}

const scriptOf = (ti: DmTarget): Script => scripts[ti.script] as Script;

/** Sends a clone to the device below, as linear does; for scripts. */
export function remap(ti: DmTarget, clone: Bio): number {
  clone.bdev = ti.device;
  if (clone.size > 0) clone.sector = ti.start + (clone.sector - ti.begin);
  return DM_MAPIO_REMAPPED;
}

/** The same for the clone of a request. */
export function remapRequest(ti: DmTarget, clone: Request): number {
  dmRemapRequest(clone, ti.device, ti.start - ti.begin);
  return DM_MAPIO_REMAPPED;
}

export const scripted = defineTarget({
  name: 'scripted',
  version: [1, 0, 0],

  *ctr(ti: DmTarget, argv: readonly string[]): Kernel<string | null> {
    if (argv.length !== 3) return 'Invalid argument count';
    const start = parseSector(argv[1]);
    if (start === null) return 'Invalid device sector';
    const script = parseSector(argv[2]);
    if (script === null || scripts[script] === undefined) return 'Invalid script number';
    if (!(yield* dmGetDevice(ti, argv[0] as string))) return 'Device lookup failed';
    ti.start = start;
    ti.script = script;
    ti.numFlushRequests = scriptOf(ti).numFlushRequests ?? 1;
    return null;
  },

  dtr: dmPutDevice,
  map: (ti, clone, tio) => scriptOf(ti).map?.(ti, clone, tio) ?? resolved(remap(ti, clone)),
  endIo: (ti, clone, error, tio) => scriptOf(ti).endIo?.(ti, clone, error, tio) ?? resolved(0),
  mapRq: (ti, clone, tio) => scriptOf(ti).mapRq?.(ti, clone, tio) ?? resolved(remapRequest(ti, clone)),
  rqEndIo: (ti, clone, error, tio) => scriptOf(ti).rqEndIo?.(ti, clone, error, tio) ?? resolved(error),
  busy: (ti) => scriptOf(ti).busy?.(ti) ?? resolved(0),
  presuspend: (ti) => scriptOf(ti).presuspend?.(ti) ?? resolved(undefined),
  postsuspend: (ti) => scriptOf(ti).postsuspend?.(ti) ?? resolved(undefined),
  preresume: (ti) => scriptOf(ti).preresume?.(ti) ?? resolved(0),
  resume: (ti) => scriptOf(ti).resume?.(ti) ?? resolved(undefined),
  tableLine: (ti) => resolved(`${targetDeviceNumber(ti)} ${ti.start} ${ti.script}`),
  statusLine: () => resolved(''),
});
