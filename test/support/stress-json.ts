/** What `dmrace stress --json` prints, as far as tests look at it. */
export interface StressJson {
  readonly settings: { seed: number };
  readonly canaries: readonly { id: string; caught: boolean; tries: number }[];
  readonly suites: readonly {
    name: string;
    rounds: number;
    bios: Record<string, number>;
    errorsByRule: Record<string, number>;
    suspends: Record<string, number>;
    barriers: Record<string, number>;
    interruptedByPhase: Record<string, number>;
    findings: readonly {
      kind: string;
      invariant: string;
      round: number;
      seed: number;
      explore: string;
      file: string;
    }[];
  }[];
  readonly locks: readonly object[];
  readonly cpus: readonly Record<string, number>[];
  readonly ok: boolean;
}
