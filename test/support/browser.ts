/**
 * Pages in a headless Chromium, Debian's or whatever CHROMIUM names. Where there is none the tests of pages are skipped and say so, but
 * not in CI: there they fail.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { Test } from 'tap';
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

/** One for all tests of a file; `close` it in a teardown. */
export async function startBrowser(): Promise<Browser> {
  if (executable === undefined) throw new Error(MISSING);
  // Chromium's sandbox does not run as root; what is shown here is our own.
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const quiet = ['--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
  return chromium.launch({ executablePath: executable, args: [...asRoot, ...quiet, '--no-first-run'] });
}

export interface OpenedPage {
  readonly page: Page;
  /** Errors and warnings on the console, exceptions, dialogs. */
  readonly complaints: string[];
  /** All that was fetched, the page itself first. */
  readonly requests: string[];
}

interface PageLook {
  readonly colorScheme?: 'light' | 'dark';
}

export async function openPage(browser: Browser, file: string, look: PageLook = {}): Promise<OpenedPage> {
  const page = await browser.newPage({
    viewport: { width: 1300, height: 900 },
    colorScheme: look.colorScheme ?? 'light',
  });
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
  await page.waitForSelector('html[data-drawn]');
  return { page, complaints, requests };
}

/** Writes a page of this data to a folder of the test's own. */
export function pageFile(t: Test, data: PageData): string {
  const file = join(testFolder(t), 'page.html');
  writeFileSync(file, pageHtml(data));
  return file;
}
