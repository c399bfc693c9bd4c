/**
 * `npm run bench [-- NAME…] [--json] [--write]`
 */
import { availableParallelism, cpus } from 'node:os';
import { Argument, Command } from 'commander';
import { plainTable } from '../src/cli/finding-text.ts';
import { COLUMNS, isReached, RIGHT, rowTexts, type Section } from './row.ts';
import { measurements } from './sections.ts';
import { writeDocs } from './write-docs.ts';

interface Options {
  readonly json?: boolean;
  readonly write?: boolean;
}

function machineLine(): string {
  return `Node ${process.version} on ${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, ${process.platform} ${process.arch}.`;
}

function print({ title, rows }: Section): void {
  process.stdout.write(`${title}\n\n${plainTable(COLUMNS, rows.map(rowTexts), RIGHT)}\n\n`);
}

async function bench(names: readonly string[], { json, write }: Options): Promise<void> {
  if (json !== true) process.stdout.write(`${machineLine()}\n\n`);
  const sections: Section[] = [];
  for (const { name, title, measure } of measurements) {
    if (names.length > 0 && !names.includes(name)) continue;
    process.stderr.write(`measuring ${name} …\n`);
    const section = { name, title, rows: await measure() };
    sections.push(section);
    if (json !== true) print(section);
  }
  if (json === true) {
    const reached = (section: Section): Section => ({
      ...section,
      rows: section.rows.map((row) => ({ ...row, reached: isReached(row) })),
    });
    process.stdout.write(`${JSON.stringify({ machine: machineLine(), sections: sections.map(reached) }, null, 2)}\n`);
  }
  if (write === true) {
    const date = new Date().toISOString().slice(0, 10);
    writeDocs(sections, { date, command: 'npm run bench -- --write', machine: machineLine() });
  }
}

await new Command('bench')
  .description('Measures what the speed targets are about; ratios within one run.')
  .addArgument(
    new Argument('[name...]', 'what to measure, all by default').choices(measurements.map(({ name }) => name)),
  )
  .option('--json', 'print one JSON document')
  .option('--write', 'write docs/BENCHMARKS.md; only a full run may')
  .action(async (names: readonly string[], options: Options, command: Command) => {
    if (options.write === true && names.length > 0) command.error('--write takes a full run: name no measurement');
    await bench(names, options);
  })
  .parseAsync();
