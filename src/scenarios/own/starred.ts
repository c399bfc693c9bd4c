/**
 * Notices a call without its star.
 *
 * `count.read();` does nothing, and neither JavaScript nor its compiler minds. The project's own code is checked when it is built
 * (scripts/check-stars.mjs); a user's is watched while it runs: `yield*` opens what a call gave before any other code can run, so
 * a call that nobody has opened when the next one comes was made without a star. No false alarm: a Kernel that is kept in a
 * variable and starred later, after another call, is a mistake as well.
 */
import { report } from '../../machine/finding.ts';
import { type Kernel, type Op, open } from '../../machine/kernel.ts';
import type { Site } from '../../machine/site.ts';

/** What was called last and has not been opened: an object's name, what was asked of it, and where. '' when all is well. */
let object = '';
let verb = '';
let place: Site = 0;

/** One for all calls: each is opened before the next one is made. */
class Watched {
  call: Kernel<unknown> | null = null;
  [Symbol.iterator](): Iterator<Op, unknown, unknown> {
    object = '';
    return open(this.call as Kernel<unknown>);
  }
}
const watched = new Watched();

/** Gives the call on, watched. `name` is never empty. */
export function starred<T>(name: string, what: string, call: Kernel<T>, site: Site): Kernel<T> {
  if (object !== '') checkStars();
  object = name;
  verb = what;
  place = site;
  watched.call = call;
  return watched as unknown as Kernel<T>;
}

/** Throws the finding when the last call has not been opened. */
export function checkStars(): void {
  if (object === '') return;
  const name = object;
  object = '';
  report('assertion', '', `${name}.${verb}() has no star, so it never ran: write yield* ${name}.${verb}()`, place);
}

/** Forgets the last call: a new run begins. */
export function forgetCalls(): void {
  object = '';
}
