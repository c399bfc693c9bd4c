import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';
import ts from 'typescript-api';

type SiteRow = [file: string, line: number, func: string];
interface SitesScript {
  numberSites(root: string): SiteRow[];
  SitesError: new (message: string) => Error;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const { numberSites, SitesError }: SitesScript = await import(new URL('../../scripts/sites.mjs', import.meta.url).href);

/** Writes sources into a folder of the test's own, compiles them, and gives the folder. */
function compiled(t: Test, sources: Record<string, string>): string {
  const root = t.testdir({});
  for (const [file, text] of Object.entries(sources)) {
    const options = { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext };
    write(root, file, text);
    write(
      root,
      `dist/${file.replace(/\.ts$/, '.js')}`,
      ts.transpileModule(text, { compilerOptions: options }).outputText,
    );
  }
  return root;
}

function write(root: string, file: string, text: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
}

const read = (root: string, file: string): string => readFileSync(join(root, file), 'utf8');

test('each HERE becomes its number and the table says what the number stands for', async (t) => {
  const root = compiled(t, {
    'src/shared/lock.ts': `type Site = number;
export function* lock(word: number): Iterable<number> {
  yield load(word, HERE);
  yield store(word, 1, HERE);
}
const load = (word: number, site: Site): number => word + site;
const store = (word: number, value: number, site: Site): number => word + value + site;
`,
    'src/core/table.ts': `export class Table {
  bind(): number { return HERE; }
  constructor() { void HERE; }
  late = () => { [1].map(() => HERE); };
}
export const gate = { park: function* () { yield HERE; } };
export let swapped: () => number;
swapped = () => HERE;
export const top: number = HERE;
`,
  });
  const expected: SiteRow[] = [
    ['?', 0, '?'],
    ['src/core/table.ts', 2, 'bind'],
    ['src/core/table.ts', 3, 'constructor'],
    ['src/core/table.ts', 4, 'late'],
    ['src/core/table.ts', 6, 'park'],
    ['src/core/table.ts', 8, 'swapped'],
    ['src/core/table.ts', 9, '(top level)'],
    ['src/shared/lock.ts', 3, 'lock'],
    ['src/shared/lock.ts', 4, 'lock'],
  ];
  t.strictSame(numberSites(root), expected);
  t.strictSame(JSON.parse(read(root, 'dist/sites.json')), { sites: expected });
  const table = read(root, 'dist/src/core/table.js');
  t.match(table, 'return 1   ;', 'the number is as wide as the token, for the sake of the source map');
  t.match(table, 'yield 4   ;');
  t.match(read(root, 'dist/src/shared/lock.js'), 'store(word, 1, 8   )');
});

test('HERE in comments, strings, types, member names and its own declaration is left alone', async (t) => {
  const root = compiled(t, {
    'src/machine/site.ts': `// HERE
declare global { const HERE: number; }
type Token = typeof HERE;
export const text: string = 'HERE' + \`HERE \${HERE} HERE\` + /HERE/.source;
export const member = { HERE: 1 }.HERE;
export type { Token };
`,
  });
  t.strictSame(numberSites(root).slice(1), [['src/machine/site.ts', 4, '(top level)']]);
  const output = read(root, 'dist/src/machine/site.js');
  t.match(output, "'HERE' + `HERE ${1   } HERE` + /HERE/.source");
  t.match(output, '{ HERE: 1 }.HERE');
});

test('a second run over the same dist fails and changes nothing', async (t) => {
  const root = compiled(t, { 'src/a.ts': 'export const a = HERE;\n', 'src/b.ts': 'export const b = HERE;\n' });
  numberSites(root);
  const before = read(root, 'dist/src/a.js');
  // A fresh a.js beside a numbered b.js: the failure over b must not leave a changed.
  write(root, 'dist/src/a.js', 'export const a = HERE;\n');
  t.throws(() => numberSites(root), new SitesError('dist/src/b.js has been numbered before: run npm run build'));
  t.equal(read(root, 'dist/src/a.js'), 'export const a = HERE;\n');
  t.not(before, read(root, 'dist/src/a.js'));
});

test('output that does not fit its source is refused with a sentence', async (t) => {
  const root = compiled(t, { 'src/a.ts': 'export const a = [HERE, HERE];\n' });
  write(root, 'dist/src/a.js', 'export const a = [HERE];\n');
  t.throws(() => numberSites(root), {
    message: /^dist\/src\/a\.js has 1 HERE, but src\/a\.ts has 2: run npm run build/,
  });
  write(root, 'src/b.ts', 'export const b = HERE;\n');
  write(root, 'dist/src/a.js', 'export const a = [HERE, HERE];\n');
  t.throws(() => numberSites(root), { message: 'dist/src/b.js is missing: run npm run build' });
  write(root, 'src/b.ts', 'export const b = { HERE };\n');
  write(root, 'dist/src/b.js', 'export const b = { HERE };\n');
  t.throws(() => numberSites(root), { message: "src/b.ts:1: write { HERE: HERE }, a number can't be a shorthand" });
});

test('the table of this build points at lines that say HERE', async (t) => {
  const { sites }: { sites: SiteRow[] } = JSON.parse(read(ROOT, 'dist/sites.json'));
  t.strictSame(sites[0], ['?', 0, '?']);
  const wrong = sites.slice(1).filter(([file, line]) => !/\bHERE\b/.test(read(ROOT, file).split('\n')[line - 1] ?? ''));
  t.strictSame(wrong, []);
});

test('no HERE is left in the code of this build', async (t) => {
  const left: string[] = [];
  for (const entry of readdirSync(join(ROOT, 'dist/src'), { recursive: true, encoding: 'utf8' })) {
    if (!entry.endsWith('.js')) continue;
    const source = ts.createSourceFile(entry, read(ROOT, `dist/src/${entry}`), ts.ScriptTarget.Latest, true);
    const visit = (node: ts.Node): void => {
      if (ts.isIdentifier(node) && node.text === 'HERE') left.push(entry);
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  t.strictSame(left, []);
});
