/**
 * What the lock validators of all CPUs of the real machine have learned, joined: each hears its own CPU alone.
 */
import type { FindingReport } from '../machine/machine.ts';
import { siteText } from '../machine/site.ts';
import { LockGraph } from '../shared/lockdep/lock-graph.ts';
import { lockReport } from '../shared/lockdep/lock-report.ts';
import { factsOf } from './boot.ts';

export class JoinedLocks {
  readonly #graph = new LockGraph();
  readonly #reported = new Set<string>();

  /** Learns what threads have noted in a round; gives what conflicts, once for each pair of classes. */
  add(notes: readonly string[]): FindingReport[] {
    const found: FindingReport[] = [];
    for (const fact of notes.flatMap(factsOf)) {
      const conflict = this.#graph.add(fact);
      if (conflict === null) continue;
      const { kind, invariant, message, site, lines, pair } = lockReport(this.#graph, conflict);
      if (this.#reported.has(`${kind} ${pair}`)) continue;
      this.#reported.add(`${kind} ${pair}`);
      found.push({ kind, invariant, message, site: siteText(site), places: [], report: lines });
    }
    return found;
  }
}
