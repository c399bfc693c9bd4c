/**
 * Pages in a headless Chromium, Debian's or whatever CHROMIUM names. Where there is none the tests of pages are skipped and say so, but
 * not in CI: there they fail.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import tap, { type Test } from 'tap';
import { pageHtml } from '../../src/cli/page/html.ts';
import type { PageData } from '../../src/page/data.ts';
import { testFolder } from './folder.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

function findChromium(): string | undefined {
  const asked = process.env['CHROMIUM'];
  if (asked !== undefined && asked !== '') return asked;
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find((file) => existsSync(file));
}

const executable = findChromium();
const MISSING = 'there is no Chromium: apt-get install chromium, or name one in CHROMIUM';

/** For `test(name, inBrowser, …)`. */
export const inBrowser = executable === undefined && (process.env['CI'] ?? '') === '' ? { skip: MISSING } : {};

let started: Promise<Browser> | null = null;

/** One for all tests of a file. */
function startBrowser(): Promise<Browser> {
  if (executable === undefined) throw new Error(MISSING);
  // Chromium's sandbox does not run as root; what is shown here is our own.
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const quiet = ['--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
  const browser = chromium.launch({ executablePath: executable, args: [...asRoot, ...quiet, '--no-first-run'] });
  tap.teardown(async () => (await browser).close());
  return browser;
}

export interface OpenedPage {
  readonly page: Page;
  /** Errors and warnings on the console, exceptions, dialogs. */
  readonly complaints: string[];
  /** All that was fetched, the page itself first. */
  readonly requests: string[];
}

/** A page without anything on it. */
export async function newPage(colorScheme: 'light' | 'dark' = 'light'): Promise<Page> {
  started ??= startBrowser();
  return (await started).newPage({ viewport: { width: 1300, height: 900 }, colorScheme });
}

/** A page of anybody's. */
export async function visit(file: string, colorScheme: 'light' | 'dark' = 'light'): Promise<OpenedPage> {
  const page = await newPage(colorScheme);
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('dialog', (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(pathToFileURL(file).href);
  return { page, complaints, requests };
}

/** One of ours. */
export async function openPage(file: string, colorScheme: 'light' | 'dark' = 'light'): Promise<OpenedPage> {
  const opened = await visit(file, colorScheme);
  await opened.page.waitForSelector('html[data-drawn]');
  return opened;
}

/** The data that stands in a page. */
export function dataOf(html: string): PageData {
  const json = /<script type="application\/json" id="data">(.*)<\/script>/.exec(html)?.[1];
  return JSON.parse(json ?? '') as PageData;
}

/** Writes a page of this data to a folder of the test's own. */
export function pageFile(t: Test, data: PageData): string {
  const file = join(testFolder(t), 'page.html');
  writeFileSync(file, pageHtml(data));
  return file;
}

/** What axe finds wrong with roles, names, focus and contrast, in either theme. */
export async function accessibilityFaults(file: string): Promise<string[]> {
  const faults: string[] = [];
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page } = await openPage(file, colorScheme);
    await page.evaluate(axe.source);
    const found = await page.evaluate(async () => {
      const { axe: tool } = globalThis as unknown as { axe: typeof axe };
      const { violations } = await tool.run();
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`);
    });
    faults.push(...found.map((fault) => `${colorScheme}: ${fault}`));
  }
  return faults;
}

/** The page has drawn all that it was asked to. */
export const afterDrawing = (page: Page): Promise<unknown> =>
  page.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))');

/** How long it took to draw, in milliseconds. */
export const drawnAfter = (page: Page): Promise<number> =>
  page.evaluate(() => Math.round(performance.getEntriesByName('drawn')[0]?.startTime ?? -1));
