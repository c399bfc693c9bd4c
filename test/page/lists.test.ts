/**
 * The lists that a page shows at each step of a run are those that the run had.
 */
import { isDeepStrictEqual } from 'node:util';
import { test } from 'tap';
import { modelMachine } from '../../src/cli/explore-machine.ts';
import { film } from '../../src/cli/page/film.ts';
import { ListThenChance } from '../../src/explore/deciders.ts';
import { RunRecorder } from '../../src/explore/recorded-run.ts';
import type { PageData } from '../../src/page/data.ts';
import { Random } from '../../src/shared/random.ts';
import { inBrowser, openPage, pageFile } from '../support/browser.ts';
import { type Lists, listReadings } from '../support/list-readings.ts';

const SEED = 1;
const ORDER = { scenario: 'noflush-two', cpus: 4, preset: 'unified', bug: null, lock: 'tas' } as const;

// Some run of a clean core; a finding tends to end before there is much on a list.
const choices = new RunRecorder(modelMachine(ORDER)).run(new ListThenChance(new Int32Array(0), 0, new Random(SEED)));
const run = film(ORDER, choices, null, []);
/** After each step, from the core's own words. */
const lists = listReadings(ORDER, choices);

const isEmpty = ({ deferred, pushback }: Lists): boolean => deferred.length + pushback.length === 0;
const changes = lists.filter((now, step) =>
  step === 0 ? !isEmpty(now) : !isDeepStrictEqual(now, lists[step - 1]),
).length;

/** Where two readings of the run differ. */
const differences = (shown: readonly Lists[]): object[] =>
  lists.flatMap((list, step) => (isDeepStrictEqual(shown[step], list) ? [] : [{ step, shown: shown[step], list }]));

test('the run has bios on both lists, and merges them', async (t) => {
  t.comment(`seed ${SEED}: ${lists.length} steps, ${changes} change a list`);
  t.equal(lists.length, run.steps.length);
  t.ok(lists.some(({ deferred, pushback }) => deferred.length > 0 && pushback.length > 0));
  t.ok(lists.some(({ deferred }) => deferred.length > 1));
  t.ok(changes > 4);
});

test('the data of a page has the lists of each step', async (t) => {
  const fields = run.watched.find(({ name }) => name === 'dm0')?.fields ?? [];
  const field = (name: keyof Lists, step: number): readonly string[] =>
    fields.find((each) => each.name === name)?.points.findLast(([from]) => from <= step)?.[1] ?? [];
  const said = lists.map((_, step) => ({ deferred: field('deferred', step), pushback: field('pushback', step) }));
  t.strictSame(differences(said), []);
  const swapped = said.map(({ deferred, pushback }) => ({ deferred: pushback, pushback: deferred }));
  t.ok(differences(swapped).length > 0, 'one list for the other is noticed');
  t.ok(differences([...said.slice(1), { deferred: [], pushback: [] }]).length > 0, 'and a step too early');
});

test('the cursor shows the lists of each step that it is on', inBrowser, async (t) => {
  const data: PageData = {
    command: 'replay',
    subject: ORDER.scenario,
    verdict: 'SUCCESS',
    ok: true,
    settings: {},
    tables: [],
    findings: [],
    run,
    earlier: [],
    locks: [],
    profile: null,
  };
  const { page, complaints } = await openPage(pageFile(t, data));
  const shown = (await page.evaluate(`(() => {
    const slider = document.querySelector('input[type=range]');
    const field = (name) =>
      [...document.querySelectorAll('section[aria-label="dm0"] [data-field="' + name + '"] .chip')].map(
        ({ textContent }) => textContent,
      );
    return Array.from({ length: ${run.steps.length} }, (_, step) => {
      slider.value = String(step);
      slider.dispatchEvent(new Event('input', { bubbles: true }));
      return { deferred: field('deferred'), pushback: field('pushback') };
    });
  })()`)) as Lists[];
  t.strictSame(differences(shown), []);
  // And as people go there.
  await page.keyboard.press('Home');
  const last = lists.findLastIndex((list) => !isEmpty(list));
  await page.getByRole('slider', { name: 'Step' }).fill(String(last));
  await page.keyboard.press('ArrowRight');
  const chips = page.locator('section[aria-label="dm0"] [data-field="deferred"] .chip');
  t.strictSame(await chips.allTextContents(), lists[last + 1]?.deferred);
  await page.keyboard.press('ArrowLeft');
  t.strictSame(await chips.allTextContents(), lists[last]?.deferred);
  t.strictSame(complaints, []);
});
