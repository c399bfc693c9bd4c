/**
 * The race detector: a lock whose ordering is taken away is missed by what it guards; with it all is silent.
 */
import { test } from 'tap';
import { prepare } from '../../src/cli/boot.ts';
import { ModelMachine } from '../../src/explore/explore.ts';
import { Walk } from '../../src/explore/strategies/walk.ts';
import type { FindingReport } from '../../src/machine/machine.ts';
import { findScenario } from '../../src/scenarios/registry.ts';

const CPUS = 4;
const SEED = 1;
const RUNS = 60;
const STEP_LIMIT = 200_000;

/** The first finding in so many runs; `withoutLock` orders nothing. */
function firstFinding(name: string, preset: string, withoutLock: string | undefined): FindingReport | null {
  const scenario = findScenario(name, CPUS);
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
  // Oracles would speak first of what a list has become.
  const oracles = withoutLock === undefined;
  const order = { scenario: name, cpus: CPUS, variant: { preset, bug: null }, lock: 'tas', oracles, shuffle: null };
  const bootable = prepare(order);
  const machine = new ModelMachine(bootable.build, new Walk(SEED), {
    ...bootable,
    settings: { cpus: scenario.cpus, lock: 'tas', oracles },
    stepLimit: STEP_LIMIT,
    races: true,
    withoutLock,
  });
  for (let run = 0; run < RUNS; run++) {
    const { finding } = machine.run(run);
    if (finding !== null) return finding;
  }
  return null;
}

/** A lock, a program that needs it, and a field that it guards there. */
const GUARDED: readonly (readonly [lock: string, program: string, preset: string, field: string])[] = [
  ['&_hash_lock', 'resume-in-suspend', 'unified', 'mapped-device.newMap'],
  ['&inode->bd_fsfreeze_mutex', 'freeze@1.0', 'unified', 'inode.fsfreezeCount'],
  ['&_minor_lock', 'suspend@1.0', 'unified', 'block-device.openCount'],
  ['&inode->tree_lock', 'frozen-writer', 'unified', 'inode.dirty'],
  ['&md->map_lock', 'path-failover@1.1', 'unified', 'mapped-device.map'],
  ['&m->lock', 'noflush-held', 'unified', ''],
  ['&m->lock', 'mpath-noflush', 'unified', 'multipath.'],
  ['&md->pushback_lock', 'noflush-two', 'unified', 'mapped-device.pushback'],
  ['&wq->lock', 'suspend@1.0', 'unified', 'workqueue.'],
  ['&io->endio_lock', 'noflush-split', '2.6.20', 'dm-io.error'],
  ['&md->wait', 'suspend@1.0', 'unified', 'wait-entry.'],
];

for (const [lock, program, preset, field] of GUARDED)
  test(`without the order of ${lock}, ${program} has a race with both places`, async (t) => {
    const finding = firstFinding(program, preset, lock);
    t.comment(finding?.message ?? 'nothing');
    t.equal(finding?.kind, 'race');
    t.ok(finding?.message.includes(`race on ${field}`));
    const places = finding?.message.match(/it in [\w.$#]+ \([\w/-]+\.ts:\d+\)/g) ?? [];
    t.equal(places.length, 2, places.join(' and '));
    t.equal(firstFinding(program, preset, undefined), null, 'and none with it');
  });

test('the same race is found again, with the same words', async (t) => {
  const [first, second] = [0, 1].map(() => firstFinding('noflush-two', 'unified', '&md->pushback_lock')?.message);
  t.type(first, 'string');
  t.equal(first, second);
});
