/**
 * A worker of `bugs verify`.
 */
import { type AttemptOrder, type AttemptReport, attempt, runTwin, type TwinOrder, type TwinReport } from './attempt.ts';

export default function work(order: AttemptOrder | TwinOrder): Promise<AttemptReport | TwinReport> {
  return 'bug' in order ? attempt(order) : runTwin(order);
}
