/**
 * A worker of a search: makes the slices that it is told to, on a model machine of its own.
 */
import { SliceMaker, type SliceOrder, type SliceReport } from '../explore/slices.ts';
import { type MachineOrder, modelMachine } from './explore-machine.ts';
import { modelState } from './model-state.ts';

let maker: SliceMaker | null = null;

/** The machine is made at the first call: a worker serves one search. */
export default function makeSlice({ machine, slice }: { machine: MachineOrder; slice: SliceOrder }): SliceReport {
  maker ??= new SliceMaker(modelMachine(machine), modelState);
  return maker.make(slice);
}
