/** Operating results, in the kernel's way: 0 or a negative number that the caller must look at. */
export const EINTR = 4;
export const EIO = 5;
export const ENXIO = 6;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EBUSY = 16;
export const EINVAL = 22;
export const EOPNOTSUPP = 95;
export const ERESTARTSYS = 512;

const NAMES: ReadonlyMap<number, string> = new Map([
  [EINTR, 'EINTR'],
  [EIO, 'EIO'],
  [ENXIO, 'ENXIO'],
  [EAGAIN, 'EAGAIN'],
  [ENOMEM, 'ENOMEM'],
  [EBUSY, 'EBUSY'],
  [EINVAL, 'EINVAL'],
  [EOPNOTSUPP, 'EOPNOTSUPP'],
  [ERESTARTSYS, 'ERESTARTSYS'],
]);

/** `-EIO` for -5, `0` for 0; a number without a name is printed as it is. */
export function errnoText(result: number): string {
  const name = NAMES.get(-result);
  return name === undefined ? String(result) : `-${name}`;
}
