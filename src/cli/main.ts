#!/usr/bin/env node
/**
 * The command line. Each command is in a file of its own; this one turns what goes wrong into one sentence and an exit code.
 */
import { Command, CommanderError } from 'commander';
import { MachineFailure } from '../actors/machine.ts';
import { addBugsCommand } from './bugs-command.ts';
import { addExploreCommand } from './explore-command.ts';
import { addListCommand } from './list-command.ts';
import { addProfileCommand } from './profile-command.ts';
import { addReplayCommand } from './replay-command.ts';
import { addSelftestCommand } from './selftest-command.ts';
import { addStressCommand } from './stress-command.ts';
import { EXIT_BROKEN, EXIT_USAGE, UsageError } from './usage.ts';
import { version } from './version.ts';

function makeProgram(): Command {
  const program = new Command('dmrace')
    .description('Race-stress, profile and replay the suspend / resume core of device-mapper on worker threads.')
    .version(version(), '-V, --version', 'print the version')
    .addHelpText(
      'after',
      '\nExamples:\n  dmrace stress\n  dmrace profile suspend\n  dmrace explore interrupted-noflush\n  dmrace list\n',
    );
  program.exitOverride();
  addStressCommand(program);
  addProfileCommand(program);
  addExploreCommand(program);
  addReplayCommand(program);
  addListCommand(program);
  addBugsCommand(program);
  addSelftestCommand(program);
  for (const command of commandsOf(program)) {
    command.exitOverride();
    // One sentence, without the usage text that hides it.
    command.configureOutput({ outputError: (text, write) => write(oneSentence(text)) });
  }
  return program;
}

/** A command and all below it. */
const commandsOf = (command: Command): Command[] => [command, ...command.commands.flatMap(commandsOf)];

/** commander answers `help nosuch` with the whole usage text, and not a word about what is wrong. */
function refuseHelpOnNothing(program: Command, [word, name]: readonly string[]): void {
  if (word !== 'help' || name === undefined || name === 'help' || name.startsWith('-')) return;
  if (program.commands.every((command) => command.name() !== name)) program.error(`error: unknown command '${name}'`);
}

/** commander's `error: …` with its suggestion on the same line. */
function oneSentence(text: string): string {
  return `dmrace: ${text
    .replace(/^error: /, '')
    .trim()
    .replace(/\s*\n\s*/g, ' ')}\n`;
}

/** Prints why the command failed; gives the exit code. */
function explain(error: unknown): number {
  // commander has printed its own sentence; help and version end with code 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  if (error instanceof UsageError) {
    process.stderr.write(`dmrace: ${error.message}\n`);
    return EXIT_USAGE;
  }
  const text =
    error instanceof MachineFailure
      ? error.message
      : error instanceof Error
        ? (error.stack ?? error.message)
        : String(error);
  process.stderr.write(`dmrace: the harness broke: ${text}\n`);
  return EXIT_BROKEN;
}

/** A reader that has gone away is no fault of ours. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  // Thrown from here it would end with code 1, which says that something was found.
  process.exit(explain(new MachineFailure(`stdout cannot be written: ${error.message}`)));
});

/** Where nobody reads the sentence, the exit code still says it. */
process.stderr.on('error', () => {});

const program = makeProgram();
try {
  if (process.argv.length <= 2) {
    process.stderr.write(
      'dmrace: name a command: stress, profile, explore, replay, bugs, list or selftest; dmrace --help says more.\n',
    );
    process.exitCode = EXIT_USAGE;
  } else {
    refuseHelpOnNothing(program, process.argv.slice(2));
    await program.parseAsync();
  }
} catch (error) {
  process.exitCode = explain(error);
}
