/** The kernel log of a machine: rare lines such as the reason for a refused table. Where they go is bound at boot. */

export type KernelLog = (line: string) => void;

let sink: KernelLog = () => {};

export function bindKernelLog(log: KernelLog): void {
  sink = log;
}

/** `device-mapper: table: 254:2: linear: Device lookup failed` */
export function printk(line: string): void {
  sink(line);
}
