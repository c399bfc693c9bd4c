import { test } from 'tap';
import { ModelMachine } from '../../src/explore/explore.ts';
import { Dpor } from '../../src/explore/strategies/dpor.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { ops } from '../../src/machine/operations.ts';
import { litmusTests } from '../../src/scenarios/litmus/all.ts';
import { staticWords } from '../../src/shared/memory.ts';
import { Marked } from '../../src/shared/word.ts';
import { onCpus, program, type Runnable } from '../support/model.ts';

/** Tests that take more runs are passed over. */
const RUNS_MAX = 400;

/** What DPOR sees up to its end or its first finding; null: it needs more runs. */
function seenBy(scenario: Runnable, lock: 'tas' | 'ticket'): string[] | null {
  const dpor = new Dpor();
  const machine = new ModelMachine(scenario.build, dpor, {
    settings: { cpus: scenario.cpus, lock, oracles: false },
    slots: scenario.slots ?? {},
    staticWords: scenario.staticWords,
    stepLimit: 5000,
  });
  const outcomes = new Set<string>();
  for (let run = 0; !dpor.finished(); run++) {
    if (run === RUNS_MAX) return null;
    const { finding, outcome } = machine.run(run);
    if (finding !== null) return [finding.kind];
    if (outcome !== null) outcomes.add(outcome);
  }
  return [...outcomes].sort();
}

test('where DPOR comes to an end, it has seen every outcome that a litmus test declares, and no other', async (t) => {
  let finished = 0;
  for (const litmus of litmusTests)
    for (const lock of litmus.spinLocks) {
      const scenario = litmus.scenario({ iterations: 1 });
      const seen = seenBy(scenario, lock);
      if (seen === null) continue;
      finished++;
      const declared = litmus.finding === undefined ? [...(scenario.outcomes ?? [])].sort() : [litmus.finding.kind];
      t.strictSame(seen, declared, `${litmus.name} (${lock})`);
    }
  t.ok(finished > 80, `${finished} come to an end`);
});

test('a loop that waits for a word has an end, since it turns when the word is written', async (t) => {
  const waiting = program(() => {
    const word = new Marked(staticWords(1));
    return {
      actors: onCpus(
        function* (): Kernel<void> {
          while ((yield* word.read(HERE)) < 2) yield* ops.relax(HERE);
        },
        function* (): Kernel<void> {
          yield* word.write(1, HERE);
          yield* word.write(2, HERE);
        },
      ),
      outcome: () => 'over',
    };
  });
  t.strictSame(seenBy(waiting, 'tas'), ['over']);
});
