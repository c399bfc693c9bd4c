// Writes docs/VERIFIED.md: what `dmrace bugs verify` has said of each bug.
//
// Usage: node scripts/verified.mjs FILE…, each the output of `dmrace bugs verify … --json`. One run may cover all bugs or some, but all
// must have been made with the same settings. Build first.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { VERIFIED_HEAD, verifiedRow } from '../dist/src/cli/bugs/table.js';
import { TARGETS } from '../dist/src/cli/bugs/verify.js';
import { bugs } from '../dist/src/variants/variants.js';

const documents = process.argv.slice(2).map((file) => JSON.parse(readFileSync(file, 'utf8')));
const ofBug = new Map(documents.flatMap((document) => document.bugs.map((bug) => [bug.id, bug])));
const missing = bugs.filter(({ id }) => !ofBug.has(id)).map(({ id }) => id);
if (missing.length > 0) throw new Error(`there is no run of ${missing.join(', ')}`);

const [settings, ...others] = new Set(documents.map(({ settings: { ids: _, ...rest } }) => JSON.stringify(rest)));
if (others.length > 0) throw new Error(`the runs have different settings: ${[settings, ...others].join(' and ')}`);
const { seeds, jobs, shrinkSeconds, replays, cleanExecutions } = JSON.parse(settings);

const all = (of) => documents.flatMap((document) => document[of]).join('; ') || 'none';
const line = (cells) => `| ${cells.join(' | ')} |`;
const rows = bugs.map(({ id }) => verifiedRow({ ...ofBug.get(id), id: `\`${id}\`` }));
const text = `# The bugs, found from a cold start

Written by \`scripts/verified.mjs\` from \`dmrace bugs verify --seeds ${seeds} --jobs ${jobs} --json\`; do not edit.

Each bug is searched for with ${seeds} seeds, shrunk for ${shrinkSeconds} s and replayed ${replays} times; its scenario runs ${cleanExecutions.toLocaleString('en')} executions without it. *Seconds*:
until it was found, one search on each thread. *Switches* and *characters*: the most of any seed. Aimed at: ${TARGETS.secondsP95} seconds, ${TARGETS.switches} switches, ${TARGETS.scheduleChars}
characters. Not reached: ${all('beyond')}. Problems: ${all('problems')}.

${[VERIFIED_HEAD, VERIFIED_HEAD.map(() => '---'), ...rows].map(line).join('\n')}
`;
writeFileSync(fileURLToPath(new URL('../docs/VERIFIED.md', import.meta.url)), text);
