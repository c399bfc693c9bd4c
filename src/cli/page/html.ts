/**
 * `--html`: a page in one file. Its program, its style and its data stand in it; it fetches nothing, and its policy forbids it to.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { PageData } from '../../page/data.ts';
import { writeAskedFile } from '../write-file.ts';

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => ESCAPES[character] as string);

/** JSON that no browser takes for the end of its script element, or for the beginning of a comment. */
const jsonInHtml = (data: PageData): string => JSON.stringify(data).replaceAll('<', '\\u003c');

/** What a policy names an inline script or style by. */
const hashed = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const part = (file: string): string => readFileSync(new URL(`../../page/${file}`, import.meta.url), 'utf8');

export function pageHtml(data: PageData): string {
  const program = part('page.js');
  const style = part('page.css');
  const policy = `default-src 'none'; script-src ${hashed(program)}; style-src ${hashed(style)}; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width">
<meta name="referrer" content="no-referrer">
<title>${escaped(`dmrace ${data.command} ${data.subject}: ${data.verdict}`)}</title>
<style>${style}</style>
</head>
<body>
<noscript>This page draws itself with a program that it brings along; allow scripts to see it.</noscript>
<script type="application/json" id="data">${jsonInHtml(data)}</script>
<script>${program}</script>
</body>
</html>
`;
}

export function writePage(file: string, data: PageData): void {
  writeAskedFile(file, pageHtml(data));
}
