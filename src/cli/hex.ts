/** A 32-bit hash as it is printed: eight hexadecimal digits. */
export const hex = (hash: number): string => (hash >>> 0).toString(16).padStart(8, '0');
