/**
 * A worker of a search: makes the slices that it is told to, on a model machine of its own.
 */
import { SliceMaker, type SliceReport } from '../explore/slices.ts';
import { modelMachine } from './explore-machine.ts';
import { modelState } from './model-state.ts';
import { loadFile } from './own-file.ts';
import type { SliceRequest } from './slice-threads.ts';

let maker: SliceMaker | null = null;

/** The machine is made at the first call: a worker serves one search. */
export default async function makeSlice({ machine, slice }: SliceRequest): Promise<SliceReport | null> {
  if (maker === null && machine.file !== undefined) await loadFile(machine.file);
  maker ??= new SliceMaker(modelMachine(machine), modelState);
  return slice === null ? null : maker.make(slice);
}
