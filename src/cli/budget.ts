/**
 * `--budget signals=1,wakeups=2`: how often in an execution each kind of thing may happen that seldom does.
 */
import { InvalidArgumentError } from 'commander';
import { type Budget, NO_BUDGET } from '../explore/choices.ts';

const KINDS = Object.keys(NO_BUDGET) as (keyof Budget)[];
const MOST = 9;

/** The parser of the option. */
export function budget(text: string): Budget {
  const chosen: Record<keyof Budget, number> = { ...NO_BUDGET };
  for (const part of text.split(',')) {
    const match = /^([a-z]+)=(\d)$/.exec(part);
    const kind = KINDS.find((each) => each === match?.[1]);
    if (kind === undefined)
      throw new InvalidArgumentError(
        `'${part}' is not one of ${KINDS.map((each) => `${each}=N`).join(', ')} with N from 0 to ${MOST}.`,
      );
    chosen[kind] = Number(match?.[2]);
  }
  return chosen;
}

export function budgetText(chosen: Budget): string | null {
  const parts = KINDS.filter((kind) => chosen[kind] > 0).map((kind) => `${kind}=${chosen[kind]}`);
  return parts.length === 0 ? null : parts.join(',');
}
