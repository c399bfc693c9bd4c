// Writes docs/finding.png: the page of README's first finding, at the step that decides. Build first; needs Chromium (CHROMIUM names another).

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const PROGRAM = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));
const PICTURE = fileURLToPath(new URL('../docs/finding.png', import.meta.url));
const FINDING = ['explore', '--bug', 'nf-check-then-queue-unlocked', '--seed', '1'];

const folder = mkdtempSync(join(tmpdir(), 'dmrace-picture-'));
const file = join(folder, 'page.html');
// Exit code 1: there is a finding.
spawnSync(process.execPath, [PROGRAM, ...FINDING, '--html', file, '--out', folder], { stdio: 'inherit' });

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
const browser = await chromium.launch({ executablePath, args: asRoot });
const page = await browser.newPage({ viewport: { width: 1240, height: 1190 }, colorScheme: 'light' });
await page.goto(pathToFileURL(file).href);
await page.waitForSelector('html[data-drawn]');
await page.screenshot({ path: PICTURE });
await browser.close();
rmSync(folder, { recursive: true });
