// Writes the table of bugs in docs/CORPUS.md from the list in the code, and which of them need no preemption, as docs/VERIFIED.md has measured
// it. Build first.

import { readFileSync, writeFileSync } from 'node:fs';
import { VERIFIED_HEAD } from '../dist/src/cli/bugs/table.js';
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

/** Of bugs verify: the most switches that are left when a finding has been shrunk. */
const VERIFIED = readFileSync(new URL('../docs/VERIFIED.md', import.meta.url), 'utf8');
const verified = VERIFIED.split('\n').map((row) =>
  row
    .split('|')
    .slice(1)
    .map((cell) => cell.trim()),
);
const switches = VERIFIED_HEAD.indexOf('switches');
const sequential = verified.filter((cells) => cells[switches] === '0').map(([id]) => id.replaceAll('`', ''));
const said = `These show on sequential orders too: they need no preemption, whoever runs goes on until it waits, ends or is interrupted: ${sequential.join(', ')}.`;
writeFileSync(FILE, readFileSync(FILE, 'utf8').replace(BLOCK, `$1\n${table}\n\n${said}\n\n$2`));
