/**
 * `dmrace list`: what there is.
 */
import type { Command } from 'commander';
import { targetTypes } from '../core/dm-target.ts';
import { scenarios, suites } from '../scenarios/registry.ts';
import { presets } from '../variants/presets.ts';
import { bugs } from '../variants/variants.ts';
import { plainTable } from './finding-text.ts';

/** What `dmrace list --json` prints. */
export function inventory(): object {
  return {
    suites: suites.map(({ name, title }) => ({ name, title })),
    scenarios: scenarios.map(({ name, title, cpus }) => ({ name, title, cpus })),
    targets: targetTypes
      .names()
      .map((name) => ({ name, version: targetTypes.at(targetTypes.idOf(name)).version.join('.') })),
    bugs: bugs.map(({ id, seed, title, commit, model, preset, scenario }) => ({
      id,
      seed,
      title,
      commit,
      kind: model.kind,
      preset,
      scenario,
    })),
    presets: presets.map(({ name, title }) => ({ name, title })),
  };
}

function printInventory(): void {
  const section = (title: string, rows: (string | number)[][]): string =>
    `${title}\n${plainTable(['', ''], rows)
      .split('\n')
      .slice(1)
      .map((row) => `  ${row}`)
      .join('\n')}\n`;
  const parts = [
    section(
      'suites (stress)',
      suites.map(({ name, title }) => [name, title]),
    ),
    section(
      'scenarios (explore)',
      scenarios.map(({ name, title }) => [name, title]),
    ),
    section(
      'targets',
      targetTypes.names().map((name) => [name, `v${targetTypes.at(targetTypes.idOf(name)).version.join('.')}`]),
    ),
    section(
      'bugs (--bug)',
      bugs.map(({ id, title, commit }) => [id, `${title} (${commit})`]),
    ),
    section(
      'presets (--preset)',
      presets.map(({ name, title }) => [name, title]),
    ),
  ];
  process.stdout.write(parts.join('\n'));
}

export function addListCommand(program: Command): void {
  program
    .command('list')
    .description('show suites, scenarios, targets, bugs and presets')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExamples:\n  dmrace list\n  dmrace list --json | jq .bugs\n')
    .action((options: { json?: boolean }) => {
      if (options.json === true) process.stdout.write(`${JSON.stringify(inventory(), null, 2)}\n`);
      else printInventory();
    });
}
