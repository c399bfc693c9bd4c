// Bundles the program and the style of the pages that --html writes: dist/src/page/page.js and page.css, which a page has inside.
//
// What is bundled in are others' works: their licences go along, at the end of the program.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OUT = join(ROOT, 'dist/src/page');

const { metafile } = await build({
  absWorkingDir: ROOT,
  entryPoints: ['src/page/main.ts', 'src/page/page.css'].map((file) => ({ in: file, out: 'page' })),
  outdir: OUT,
  bundle: true,
  minify: true,
  format: 'iife',
  target: ['chrome111', 'firefox113', 'safari16.4'],
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
});

/** Packages by the text of their licence. */
const licences = new Map();
for (const folder of new Set(Object.keys(metafile.inputs).flatMap((file) => packageFolder(file) ?? []))) {
  const file = readdirSync(join(ROOT, folder)).find((name) => /^licen[cs]e/i.test(name));
  if (file === undefined) throw new Error(`${folder} has no licence that could go along`);
  const text = readFileSync(join(ROOT, folder, file), 'utf8').trim();
  licences.set(text, [...(licences.get(text) ?? []), folder.replace('node_modules/', '')]);
}

function packageFolder(file) {
  const folder = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
  return folder !== undefined && existsSync(join(ROOT, folder, 'package.json')) ? folder : undefined;
}

const notices = [...licences].map(([text, packages]) => `${packages.sort().join(', ')}\n\n${text}`);
const comment = `/*! Bundled in:\n\n${notices.join('\n\n----\n\n').replaceAll('*/', '* /')}\n*/\n`;
const program = join(OUT, 'page.js');
writeFileSync(program, readFileSync(program, 'utf8') + comment);
