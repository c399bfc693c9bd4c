/**
 * I2 NO_POSITIVE_ERROR, I53 BIO_ERROR: each bio ends with 0 or with an error that a rule allows, and the rules are counted.
 *
 * The place that makes an error says why (EV_BIO_ERROR, EV_IO_ERROR, EV_BIO_REFUSED); bio.cause and DmIo.cause gather that
 * until the bio ends; the causes of the parts that are chained to it are kept apart, eight bits further up. A bio that is pushed
 * back begins anew, except for those. An error without a cause has no rule; neither has success after
 * a part has failed. In particular a REQUEUE becomes −EIO only while NOFLUSH is clear, so no bio that a successful noflush
 * suspend covers fails for it.
 *
 * Each CPU counts in a line of its own, so that counting costs no CPU another's cache line.
 */
import { BIO_PART, endIos } from '../block/bio.ts';
import { EIO, errnoText } from '../machine/errno.ts';
import {
  CAUSE_BEYOND_END,
  CAUSE_DEVICE,
  CAUSE_NO_TABLE,
  CAUSE_READA_BLOCKED,
  CAUSE_REQUEUE,
  CAUSE_TARGET,
} from '../machine/events.ts';
import { report } from '../machine/finding.ts';
import type { Site } from '../machine/site.ts';
import { atBoot } from '../shared/boot.ts';
import { LINE_WORDS, memory, staticWords } from '../shared/memory.ts';
import { cpu, cpuCount } from '../shared/per-cpu.ts';
import { TARGET } from './bio-location.ts';
import { isCovered, refusedAfter } from './pushback.ts';
import {
  addressOf,
  BIO_CAUSE,
  BIO_END_IO,
  BIO_FLAGS,
  BIO_PRIVATE,
  bioName,
  IO_BIO,
  IO_CAUSE,
  mdName,
} from './words.ts';

/** The rules of spec C2 by which a bio ends; the place in this list is the place of its counter. */
const RULES = [
  { rule: 'ok', cause: 0 },
  { rule: 'target-error', cause: CAUSE_TARGET },
  { rule: 'device-error', cause: CAUSE_DEVICE },
  { rule: 'beyond-end', cause: CAUSE_BEYOND_END },
  { rule: 'no-table', cause: CAUSE_NO_TABLE },
  { rule: 'reada-blocked', cause: CAUSE_READA_BLOCKED },
  { rule: 'requeue-after-abort', cause: CAUSE_REQUEUE },
] as const;
export type ErrorRule = (typeof RULES)[number]['rule'];
export const ERROR_RULES: readonly ErrorRule[] = RULES.map(({ rule }) => rule);

/** Causes that allow any error; the others allow −EIO alone. */
const ANY_ERROR = CAUSE_TARGET | CAUSE_DEVICE;
const CHAINED_SHIFT = 8;
const OWN_CAUSES = (1 << CHAINED_SHIFT) - 1;
const CHAIN_ENDIO = endIos.idOf('bio_chain_endio');

let counters = 0;
atBoot('check-error-rules', () => {
  counters = staticWords(LINE_WORDS * (cpuCount() + 1));
});

/** How many bios have ended by each rule; exact at quiescence. */
export function errorRules(): Record<ErrorRule, number> {
  const sum = (place: number): number => {
    let total = 0;
    for (let each = 0; each <= cpuCount(); each++)
      total += memory.words[counters + each * LINE_WORDS + place] as number;
    return total;
  };
  const rules: Partial<Record<ErrorRule, number>> = {};
  for (let place = 0; place < ERROR_RULES.length; place++) rules[ERROR_RULES[place] as ErrorRule] = sum(place);
  return rules as Record<ErrorRule, number>;
}

export function resetErrorRules(): void {
  memory.words.fill(0, counters, counters + LINE_WORDS * (cpuCount() + 1));
}

export function bioFails(bio: number, cause: number): void {
  Atomics.or(memory.words, bio + BIO_CAUSE, cause);
}

export function ioFails(io: number, cause: number): void {
  Atomics.or(memory.words, io + IO_CAUSE, cause);
}

/** All clones have ended: why any of them failed is why the bio fails. */
export function gatherCauses(io: number): void {
  const w = memory.words;
  const cause = w[io + IO_CAUSE] as number;
  if (cause !== 0) Atomics.or(w, addressOf(w[io + IO_BIO] as number) + BIO_CAUSE, cause);
}

/** The bio is pushed back: the parts that are chained to it may be under way still. */
export function forgetCauses(bio: number): void {
  Atomics.and(memory.words, bio + BIO_CAUSE, ~OWN_CAUSES);
}

/** A clone has ended, parts and all: its target may send it out again. */
export function forgetAllCauses(clone: number): void {
  memory.words[clone + BIO_CAUSE] = 0;
}

export function requeueRefused(bio: number, md: number, site: Site): void {
  if (isCovered(bio, md))
    report(
      'wrong-error',
      'I53',
      `${bioName(bio)} fails with -EIO for a REQUEUE while a noflush suspend of ${mdName(md)} covers it`,
      site,
    );
  refusedAfter(bio, md, site);
  bioFails(bio, CAUSE_REQUEUE);
}

/** A bio has ended; `place` is where it was. */
export function errorAllowed(bio: number, error: number, place: number, site: Site): void {
  if (error > 0) report('wrong-error', 'I2', `${bioName(bio)} ends with the positive number ${error}`, site);
  const w = memory.words;
  const causes = w[bio + BIO_CAUSE] as number;
  const cause = (causes | (causes >> CHAINED_SHIFT)) & OWN_CAUSES;
  const part = ((w[bio + BIO_FLAGS] as number) & BIO_PART) !== 0;
  if (error !== 0 || cause !== 0) {
    // A target may end a clone that it has with any error; that is the target's own answer.
    if (part && place === TARGET) return;
    checkCause(bio, error, cause, site);
    if (part && w[bio + BIO_END_IO] === CHAIN_ENDIO)
      bioFails(addressOf(w[bio + BIO_PRIVATE] as number), cause << CHAINED_SHIFT);
  }
  if (part) return;
  // The rules stand in the order of their bits.
  const rule = cause === 0 ? 0 : 32 - Math.clz32(cause & -cause);
  (w[counters + cpu * LINE_WORDS + rule] as number)++;
}

function checkCause(bio: number, error: number, cause: number, site: Site): void {
  if (error === 0)
    report('wrong-error', 'I53', `${bioName(bio)} ends with 0, but it has failed: ${causeText(cause)}`, site);
  if (cause === 0)
    report('wrong-error', 'I53', `${bioName(bio)} ends with ${errnoText(error)}, and no rule says why`, site);
  if ((cause & ANY_ERROR) === 0 && error !== -EIO)
    report(
      'wrong-error',
      'I53',
      `${bioName(bio)} ends with ${errnoText(error)}, but ${causeText(cause)} gives -EIO`,
      site,
    );
}

function causeText(cause: number): string {
  return RULES.filter((each) => (each.cause & cause) !== 0)
    .map(({ rule }) => rule)
    .join(', ');
}
