/**
 * Messages to a multipath target.
 *
 * Models multipath_message and action_dev of dm-mpath.c. As in 2.6.20 they are taken while the device is suspended too: a path
 * may recover then. (2.6.33 and later refuse them with −EBUSY.)
 */
import { type DmTarget, dmCloseDevice, dmOpenDevice, EINVAL, type Kernel, printk } from '../../core/device-mapper.ts';
import { bypassPgNum, switchPgNum } from './group.ts';
import { groupsOf, type Multipath, multipathOf, type Pgpath, pathsOf } from './multipath.ts';
import { failPath, reinstatePath } from './path.ts';
import { queueIfNoPath } from './suspend.ts';

/** Messages of one word. */
const WORDS: ReadonlyMap<string, (m: Multipath) => Kernel<void>> = new Map([
  ['queue_if_no_path', (m: Multipath) => queueIfNoPath(m, true, false)],
  ['fail_if_no_path', (m: Multipath) => queueIfNoPath(m, false, false)],
]);

/** Messages with the number of a group. */
const GROUP_WORDS: ReadonlyMap<string, (m: Multipath, group: string) => Kernel<number>> = new Map([
  ['disable_group', (m: Multipath, group: string) => bypassPgNum(m, group, true)],
  ['enable_group', (m: Multipath, group: string) => bypassPgNum(m, group, false)],
  ['switch_group', switchPgNum],
]);

/** Messages with a device. */
const PATH_WORDS: ReadonlyMap<string, (pgpath: Pgpath) => Kernel<void>> = new Map([
  ['reinstate_path', reinstatePath],
  ['fail_path', failPath],
]);

export function* message(ti: DmTarget, argv: readonly string[]): Kernel<number> {
  const m = multipathOf(ti);
  const [word, which] = argv as [string, string];
  const simple = argv.length === 1 ? WORDS.get(word) : undefined;
  if (simple !== undefined) {
    yield* simple(m);
    return 0;
  }
  if (argv.length !== 2)
    return refuse(`Invalid multipath message arguments. Expected 2 arguments, got ${argv.length}.`);
  const onGroup = GROUP_WORDS.get(word);
  if (onGroup !== undefined) return yield* onGroup(m, which);
  const onPath = PATH_WORDS.get(word);
  if (onPath === undefined) return refuse(`Unrecognised multipath message received: ${word}`);
  return yield* actionDev(ti, which, onPath);
}

/** Does it to each path over the device; −EINVAL when there is none. */
function* actionDev(ti: DmTarget, path: string, action: (pgpath: Pgpath) => Kernel<void>): Kernel<number> {
  const device = yield* dmOpenDevice(ti, path);
  if (device === 0) return refuse(`message: error getting device ${path}`);
  let result = -EINVAL;
  for (const pg of groupsOf(multipathOf(ti))) {
    for (const pgpath of pathsOf(pg)) {
      if (pgpath.device !== device) continue;
      yield* action(pgpath);
      result = 0;
    }
  }
  yield* dmCloseDevice(device);
  return result;
}

function refuse(reason: string): number {
  printk(`device-mapper: multipath: ${reason}`);
  return -EINVAL;
}
