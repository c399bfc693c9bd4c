/**
 * What the lock validators of all CPUs of the real machine have learned, joined: each hears its own CPU alone.
 */
import type { FindingReport } from '../machine/machine.ts';
import { siteText } from '../machine/site.ts';
import { LockGraph } from '../shared/lockdep/lock-graph.ts';
import { lockReport, reportedOnceAs } from '../shared/lockdep/lock-report.ts';
import { factsOf } from './thread-lockdep.ts';

export class JoinedLocks {
  readonly #graph = new LockGraph();
  readonly #reported = new Set<string>();

  /** Learns what threads have noted in a round; gives what conflicts, once for each pair of classes. */
  add(notes: readonly string[]): FindingReport[] {
    const found: FindingReport[] = [];
    for (const fact of notes.flatMap(factsOf))
      for (const conflict of this.#graph.add(fact)) {
        const once = reportedOnceAs(conflict);
        if (this.#reported.has(once)) continue;
        this.#reported.add(once);
        const { kind, invariant, message, site, lines } = lockReport(this.#graph, conflict);
        found.push({ kind, invariant, message, site: siteText(site), places: [], report: lines });
      }
    return found;
  }
}
