/**
 * Why a sleeper is never woken: its last look at the condition, a wake-up that was not for it, and its sleep.
 *
 *   sleeper                    somebody else
 *   checks the condition
 *                              makes it true, notifies the queue
 *   sleeps
 *
 * Or the notification comes while the sleeper is on the queue, and is eaten by another exclusive waiter that is awake.
 *
 * Hears a run that is made again after it has ended with somebody asleep. What is a look at the condition is not known, so it is
 * the sleeper's last access of a word that has nothing to do with sleeping.
 */
import {
  type ChoiceKind,
  OP_CMPXCHG,
  OP_GIVE,
  OP_IRQ_OFF,
  OP_LOAD_THEN,
  OP_SCHEDULE,
  OP_STORE,
  OP_TAKE,
  OP_WAIT_FOR,
} from '../machine/kernel.ts';
import type { FindingReport } from '../machine/machine.ts';
import { siteText } from '../machine/site.ts';
import { memory } from '../shared/memory.ts';
import { wordName } from '../shared/struct-registry.ts';
import { TASK_RUNNING } from '../shared/task.ts';
import { WAIT_QUEUE_WORDS } from '../shared/wait-queue.ts';
import type { Context, ModelCpu } from './context.ts';
import { CHANGES, LOADS, LOCKS } from './kinds.ts';
import { CYCLE, contextName, mayWaitForEver } from './places.ts';
import type { RunListener } from './run-listener.ts';

const LOOKS: readonly number[] = [...LOADS, ...CHANGES, ...LOCKS];
const FIRST = WAIT_QUEUE_WORDS - 1;

interface Step {
  readonly number: number;
  readonly kind: number;
  readonly word: number;
  readonly value: number;
  readonly site: number;
}

/** Somebody woke whom he found on a queue. */
interface Notification {
  readonly who: Context;
  readonly name: string;
  readonly step: Step;
  /** It reached a task that was awake, which had no need of it. */
  eaten: boolean;
}

/** What is known of a task or an interrupt. */
interface Past {
  readonly steps: Step[];
  /** Locks that it has, innermost last, each with what it would be if the lock is a queue's. */
  readonly inside: { readonly word: number; notification: Notification | null }[];
}

/** How a wake-up was lost: a sentence about the sleeper. */
export interface LostWakeUp {
  readonly sleeper: string;
  readonly text: string;
}

export class WakeUps implements RunListener {
  #step = 0;
  readonly #pasts = new Map<Context, Past>();
  /** By the first word of a queue, or of any lock. */
  readonly #notified = new Map<number, Notification[]>();
  readonly #byState = new Map<number, Context>();

  begin(): void {}
  chose(_kind: ChoiceKind, _value: number, _word: number): void {}
  freed(_slot: number): void {}

  spawned(context: Context): void {
    this.#pasts.delete(context);
    this.#byState.set(context.cell.stateWord, context);
  }

  #pastOf(context: Context): Past {
    let past = this.#pasts.get(context);
    if (past === undefined) {
      past = { steps: [], inside: [] };
      this.#pasts.set(context, past);
    }
    return past;
  }

  moving(context: Context): void {
    const { kind, word, value, site, stateWord } = context.cell;
    const step: Step = { number: ++this.#step, kind, word, value, site };
    const past = this.#pastOf(context);
    if (kind === OP_TAKE || kind === OP_WAIT_FOR) {
      // Who has just set its own state takes the lock to leave the queue.
      const leaves = past.steps.findLast((each) => each.kind !== OP_IRQ_OFF)?.word === stateWord;
      const name = contextName(context);
      past.inside.push({ word, notification: leaves ? null : { who: context, name, step, eaten: false } });
    } else if (kind === OP_GIVE) this.#gives(past, word);
    else if (kind === OP_STORE && word === stateWord) {
      const innermost = past.inside.at(-1);
      if (innermost !== undefined) innermost.notification = null;
    } else if (kind === OP_CMPXCHG) this.#wakes(past, word, value);
    else if (kind === OP_LOAD_THEN && memory.words[word] === 0)
      this.#note(word - FIRST, { who: context, name: contextName(context), step, eaten: false });
    past.steps.push(step);
  }

  #gives(past: Past, word: number): void {
    const place = past.inside.findLastIndex((each) => each.word === word);
    if (place < 0) return;
    const notification = past.inside.splice(place, 1)[0]?.notification ?? null;
    if (notification !== null) this.#note(word, notification);
  }

  #wakes(past: Past, word: number, expected: number): void {
    const target = this.#byState.get(word);
    const notification = past.inside.at(-1)?.notification;
    if (target === undefined || notification == null || memory.words[word] !== expected) return;
    notification.eaten = target.cell.kind !== OP_SCHEDULE;
  }

  #note(queue: number, notification: Notification): void {
    const known = this.#notified.get(queue);
    if (known === undefined) this.#notified.set(queue, [notification]);
    else known.push(notification);
  }

  /**
   * How the wake-up of a task was lost that sleeps on a queue. `certain`: its condition is known to be true, so that a wake-up was
   * lost even if nobody has notified the queue in vain. Null: it was not lost, or nothing is known.
   */
  lostBy(sleeper: Context, certain: boolean): LostWakeUp | null {
    const { task, cell } = sleeper;
    if (task === null || cell.kind !== OP_SCHEDULE || task.blockedOn === 0) return null;
    const queue = task.blockedOn;
    const { steps } = this.#pastOf(sleeper);
    const asleep = steps.findLast(
      ({ kind, word, value }) => kind === OP_STORE && word === cell.stateWord && value !== TASK_RUNNING,
    );
    const check = steps.findLast(
      ({ kind, word }) =>
        LOOKS.includes(kind) &&
        (word < queue || word >= queue + WAIT_QUEUE_WORDS) &&
        word !== cell.stateWord &&
        word !== cell.signalWord,
    );
    if (check === undefined || asleep === undefined) return null;
    const missed = this.#notified
      .get(queue)
      ?.findLast(
        ({ who, step, eaten }) =>
          who !== sleeper && step.number > check.number && (step.number < asleep.number || eaten),
      );
    if (missed === undefined && !certain) return null;
    const name = contextName(sleeper);
    const looked = `${name} checks ${wordName(check.word)} at ${siteText(check.site)}`;
    const sleeps = `${name} sleeps at ${siteText(cell.site)}`;
    return { sleeper: name, text: `${looked} → ${missedText(missed, queue)} → ${sleeps}` };
  }
}

function missedText(missed: Notification | undefined, queue: number): string {
  if (missed === undefined) return `nobody notifies ${wordName(queue)}`;
  const whom = missed.eaten ? ', which wakes one that is awake' : '';
  return `${missed.name} notifies ${wordName(queue)} at ${siteText(missed.step.site)}${whom}`;
}

/** Whether it is about somebody who sleeps while nothing can move. */
export function mayBeLostWakeUp({ kind, invariant, message }: FindingReport): boolean {
  return kind === 'lost-wakeup' || (kind === 'deadlock' && invariant === 'I48' && !message.startsWith(CYCLE));
}

/** A finding as `mayBeLostWakeUp` says, with what a second run has shown. */
export function withLostWakeUp(finding: FindingReport, wakeUps: WakeUps, cpus: readonly ModelCpu[]): FindingReport {
  const certain = finding.kind === 'lost-wakeup';
  for (const { tasks } of cpus)
    for (const context of tasks) {
      if (certain ? !finding.message.startsWith(`${contextName(context)} `) : mayWaitForEver(context)) continue;
      const lost = wakeUps.lostBy(context, certain);
      if (lost === null) continue;
      const message = certain ? `${finding.message}: ${lost.text}` : `${lost.sleeper} sleeps for ever: ${lost.text}`;
      return { ...finding, kind: 'lost-wakeup', invariant: 'I47', message };
    }
  return finding;
}
