/**
 * The program of a page: reads the data that stands in it and draws what is there.
 */
import type { PageData, PageFinding, PageTable } from './data.ts';
import { chips, h, section } from './dom.ts';
import { bindKeys, helpDialog, type Key } from './keys.ts';
import { ProfileView } from './profile-view.ts';
import { RunView } from './run-view.ts';
import { RunsView } from './runs-view.ts';
import { sortableTable } from './table.ts';
import { switchTheme, themeButton } from './theme.ts';

function readData(): PageData {
  const element = document.getElementById('data');
  return JSON.parse(element?.textContent ?? '') as PageData;
}

/** A command, and a button that copies it. */
function command(text: string): HTMLElement {
  const code = h('code', { tabindex: 0 }, text);
  const copy = (): void => {
    getSelection()?.selectAllChildren(code);
    // Without the permission it stays selected, for the reader to copy.
    void navigator.clipboard?.writeText(text).catch(() => {});
  };
  return h('div', { class: 'command' }, code, h('button', { type: 'button', onclick: copy }, 'Copy'));
}

function places({ report }: PageFinding): HTMLElement | null {
  if (report.places.length === 0) return null;
  const heads = ['CPU', 'runs', 'at', 'holds', 'waits for'].map((name) => h('th', { scope: 'col' }, name));
  const rows = report.places.map(({ cpu, who, at, holds, waitsFor }) =>
    h(
      'tr',
      {},
      h('td', { class: 'number' }, cpu),
      h('td', {}, who),
      h('td', {}, at),
      h('td', {}, chips(holds)),
      h('td', {}, waitsFor === '' ? '' : chips([waitsFor])),
    ),
  );
  const table = h('table', {}, h('thead', {}, h('tr', {}, ...heads)), h('tbody', {}, ...rows));
  return h('div', { class: 'wide', tabindex: 0, role: 'region', 'aria-label': 'Where everybody stood' }, table);
}

function lastSteps({ report }: PageFinding): HTMLElement[] {
  return report.places
    .filter(({ lastSteps: steps }) => steps.length > 0)
    .map(({ cpu, who, lastSteps: steps }) =>
      h(
        'details',
        {},
        h('summary', {}, `The last ${steps.length} steps of CPU ${cpu}, ${who}`),
        h('ol', {}, ...steps.map((step) => h('li', {}, step))),
      ),
    );
}

function findingView(finding: PageFinding): HTMLElement {
  const { kind, invariant, message, site } = finding.report;
  return h(
    'section',
    { class: 'finding', 'aria-label': 'Finding' },
    h('h2', {}, `${kind}${invariant === '' ? '' : ` (${invariant})`}`),
    h('p', { class: 'sentence' }, message),
    site === '' ? null : h('p', { class: 'place' }, `at ${site}`),
    finding.command === '' ? null : command(finding.command),
    ...finding.notes.map((note) => h('p', {}, note)),
    places(finding),
    ...lastSteps(finding),
  );
}

const tableView = ({ title, head, rows }: PageTable): HTMLElement =>
  sortableTable({
    caption: title,
    columns: head.map((name, index) => ({ name, value: (row: PageTable['rows'][number]) => row[index] ?? '' })),
    rows,
  });

function header(data: PageData, openHelp: () => void): HTMLElement {
  const settings = Object.entries(data.settings).map(([name, value]) =>
    h('div', {}, h('dt', {}, name), h('dd', {}, value)),
  );
  return h(
    'header',
    {},
    h(
      'div',
      { class: 'top' },
      h('h1', {}, `dmrace ${data.command} `, h('span', { class: 'subject' }, data.subject)),
      h('span', { class: data.ok ? 'verdict good' : 'verdict bad' }, data.verdict),
      h(
        'span',
        { class: 'buttons' },
        themeButton(),
        h('button', { type: 'button', onclick: openHelp, title: 'keys (?)' }, 'Keys'),
      ),
    ),
    h('details', {}, h('summary', {}, 'Settings'), h('dl', { class: 'settings' }, ...settings)),
  );
}

function runView({ run, earlier }: PageData): RunView | RunsView | null {
  if (run === null || run.steps.length === 0) return null;
  return earlier.length === 0 ? new RunView(run) : new RunsView([...earlier, run]);
}

function draw(data: PageData): void {
  const run = runView(data);
  const profile = data.locks.length === 0 && data.profile === null ? null : new ProfileView(data.locks, data.profile);
  // A page has one of them at most.
  const keys: Key[] = [...(run?.keys ?? profile?.keys ?? [])];
  keys.push({ keys: ['t'], shown: 't', does: 'light or dark', run: switchTheme });
  keys.push({ keys: ['?'], shown: '?', does: 'these keys', run: () => help.open() });
  const help = helpDialog(keys);
  bindKeys(keys);
  const main = h(
    'main',
    {},
    ...data.findings.map(findingView),
    run?.element ?? null,
    ...(profile?.elements ?? []),
    ...(data.tables.length === 0 ? [] : [section('Numbers', ...data.tables.map(tableView))]),
  );
  document.body.append(header(data, help.open), main, help.dialog);
  // Says that all is there, and when.
  performance.mark('drawn');
  document.documentElement.dataset['drawn'] = '';
}

draw(readData());
