/**
 * `--reporter`: in which form a command says what it has checked.
 */
import { Option } from 'commander';
import { UsageError } from '../usage.ts';
import type { CheckReport } from './checks.ts';
import { githubText, withoutCommands } from './github.ts';
import { junitText } from './junit.ts';
import { tapText } from './tap.ts';

const REPORTERS = ['table', 'tap', 'junit', 'github'] as const;
export type Reporter = (typeof REPORTERS)[number];

export interface ReporterOptions {
  readonly reporter: Reporter;
  readonly json?: boolean;
}

export const reporterOption = (): Option =>
  new Option('--reporter <form>', 'how the result is printed: for people, or as a CI service reads it')
    .choices([...REPORTERS])
    .default('table');

export function checkReporter({ reporter, json }: ReporterOptions): void {
  if (json === true && reporter !== 'table')
    throw new UsageError(`--json and --reporter ${reporter} exclude each other; give one of them.`);
}

/** Prints what a command says, in the form that was asked for. */
export class Printer {
  readonly #reporter: Reporter | 'json';

  constructor({ reporter, json }: ReporterOptions) {
    this.#reporter = json === true ? 'json' : reporter;
  }

  /** For people: nothing where a program reads. */
  say(text: string): void {
    if (this.#reporter === 'table') process.stdout.write(text);
    else if (this.#reporter === 'github') process.stdout.write(withoutCommands(text));
  }

  /** At the end: only what the form needs is made. */
  result(forms: { json: () => object; text: () => string; checks: () => CheckReport }): void {
    const write = (text: string): boolean => process.stdout.write(text);
    switch (this.#reporter) {
      case 'json':
        write(`${JSON.stringify(forms.json(), null, 2)}\n`);
        break;
      case 'tap':
        write(tapText(forms.checks()));
        break;
      case 'junit':
        write(junitText(forms.checks()));
        break;
      case 'github':
        write(withoutCommands(forms.text()));
        write(githubText(forms.checks()));
        break;
      default:
        write(forms.text());
    }
  }
}
