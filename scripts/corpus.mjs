// Writes the table of bugs in docs/CORPUS.md from the list in the code. Build first.

import { readFileSync, writeFileSync } from 'node:fs';
import { bugs } from '../dist/src/variants/variants.js';

const FILE = new URL('../docs/CORPUS.md', import.meta.url);
const BLOCK = /(<!-- bugs: .*? -->\n)[\s\S]*?(<!-- end of bugs -->)/;

const line = (cells) => `| ${cells.join(' | ')} |`;

const rows = bugs.map(({ id, title, commit, model, preset, scenario }) => {
  const finding = [model.kind, model.invariants.filter((name) => name !== '').join(' or ')].join(' ').trim();
  return line([id, title.replaceAll('|', '\\|'), commit, preset, scenario, finding]);
});
const head = ['bug', 'what', 'commit', 'preset', 'scenario', 'finding'];
const table = [line(head), line(head.map(() => '---')), ...rows].join('\n');
writeFileSync(FILE, readFileSync(FILE, 'utf8').replace(BLOCK, `$1\n${table}\n\n$2`));
