/**
 * House rules that neither the compiler nor the linter knows: who may import whom, what kernel code must not call, how long
 * files and functions get. Each rule is a function from a source to complaints; the same function runs over the real tree
 * and over a planted violation, because a rule that never fails might as well not be there.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import ts from 'typescript-api';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

// ---- What is allowed: change these tables, not the rules below. ----

/** Each folder of src may import itself and the folders to its left. */
const LAYERS = ['machine', 'shared', 'irq', 'block', 'core', 'targets', 'variants', 'scenarios', 'cli'];
/** These stand beside the layers: they may import these three and themselves, never each other. */
const SIDES = ['actors', 'explore', 'check', 'profile', 'page'];
const SIDES_IMPORT = ['machine', 'shared', 'irq'];
/** Files and folders that bring the parts together, and may import everything. */
const ASSEMBLY = ['src/index.ts', 'src/cli/'];
/** All of device-mapper that a target may see. */
const TARGETS_DOOR = 'src/core/device-mapper.ts';

/** Imports against the direction, files or folders, each with its reason. */
const IMPORT_EXCEPTIONS: readonly { readonly from: string; readonly to: string; readonly why: string }[] = [
  { from: 'src/check/', to: 'src/block/', why: 'oracles read bios; nothing in the kernel imports check' },
  {
    from: 'src/check/',
    to: 'src/core/',
    why: 'oracles read mapped devices and their I/O; nothing in the kernel imports check',
  },
  {
    from: 'src/check/',
    to: 'src/targets/multipath/',
    why: "oracles read a multipath's queue and paths; nothing in the kernel imports check",
  },
  { from: 'src/page/', to: 'src/profile/report.ts', why: 'the type of what a page shows; nothing of it runs there' },
  { from: 'src/page/', to: 'src/profile/label.ts', why: 'a lock is called the same on a page and in a table' },
];

interface Ban {
  /** As written in code; `new X` for a constructor, `X.` for every member. */
  readonly what: readonly string[];
  readonly instead: string;
  /** Where the ban holds, and the files and folders inside that it spares. */
  readonly within: readonly string[];
  readonly except: readonly string[];
}

const CODE = ['src/', 'test/', 'bench/'];
const KERNEL_CODE = ['shared', 'irq', 'block', 'core', 'targets', 'variants', 'scenarios'].map(
  (name) => `src/${name}/`,
);
/** What needs the clock: the real machine and who watches it, tests on real threads, and those that run the program. */
const CLOCKED = ['src/actors/', 'src/cli/', 'src/profile/layout.ts', 'bench/', 'test/real/', 'test/cli/'];

const BANS: readonly Ban[] = [
  { what: ['Math.random'], instead: "the machine's choice(), or a seeded generator", within: CODE, except: [] },
  {
    what: ['Date.now', 'new Date', 'performance.now', 'process.hrtime'],
    instead: "the machine's nowUs()",
    within: CODE,
    // It counts who reads them.
    except: [...CLOCKED, 'test/profile/clock.test.ts'],
  },
  {
    what: ['setTimeout', 'setInterval', 'setImmediate'],
    instead: 'a timer of src/irq, or wait on a word',
    within: CODE,
    except: CLOCKED,
  },
  {
    what: ['Atomics.'],
    instead: "the machine's operations (ops.load, ops.rmw, ...)",
    within: KERNEL_CODE,
    except: ['src/shared/slab.ts', 'src/shared/task-slots.ts'],
  },
];

const FILE_LINES_MAX = 600;
const FUNCTION_LINES_MAX = 60;
/** Functions that are longer for a reason, as `file: name`. */
const LONG_FUNCTIONS: readonly { readonly where: string; readonly why: string }[] = [];

// ---- The rules. ----

interface Source {
  readonly file: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
}

const sourceOf = (file: string, text: string): Source => ({
  file,
  text,
  tree: ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true),
});

const isUnder = (file: string, places: readonly string[]): boolean =>
  places.some((place) => (place.endsWith('/') ? file.startsWith(place) : file === place));

function at({ file, tree }: Source, node: ts.Node, message: string): string {
  return `${file}:${tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1}: ${message}`;
}

/** Visits every node, and gives the complaints that `complain` makes. */
function complaints(source: Source, complain: (node: ts.Node) => string | undefined): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const message = complain(node);
    if (message !== undefined) found.push(at(source, node, message));
    ts.forEachChild(node, visit);
  };
  visit(source.tree);
  return found;
}

/** The module that a node imports or re-exports, be it for types only. */
function importedBy(node: ts.Node): string | undefined {
  let name: ts.Node | undefined;
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) name = node.moduleSpecifier;
  else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) name = node.arguments[0];
  else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) name = node.argument.literal;
  return name !== undefined && ts.isStringLiteralLike(name) ? name.text : undefined;
}

function importRule(source: Source): string[] {
  const { file } = source;
  if (!file.startsWith('src/') || isUnder(file, ASSEMBLY)) return [];
  return complaints(source, (node) => {
    const to = importedPath(file, node);
    if (to === undefined) return undefined;
    if (IMPORT_EXCEPTIONS.some((exception) => isUnder(file, [exception.from]) && isUnder(to, [exception.to])))
      return undefined;
    return importComplaint(folderOf(file), to);
  });
}

function importedPath(file: string, node: ts.Node): string | undefined {
  const name = importedBy(node);
  return name?.startsWith('.') ? posix.join(posix.dirname(file), name) : undefined;
}

function importsOf({ file, tree }: Source): string[] {
  return tree.statements.flatMap((statement) => importedPath(file, statement) ?? []);
}

function importComplaint(from: string, to: string): string | undefined {
  const target = folderOf(to);
  if (target === from) return undefined;
  if (from === 'targets') {
    return to === TARGETS_DOOR ? undefined : `imports ${to}; targets see only ${TARGETS_DOOR} and themselves`;
  }
  const allowed = SIDES.includes(from) ? SIDES_IMPORT : LAYERS.slice(0, Math.max(0, LAYERS.indexOf(from)));
  if (allowed.includes(target)) return undefined;
  return `imports ${to}; ${from} may import only ${[...allowed, from].join(', ')}`;
}

/** `core` of src/core/table.ts; '' of whatever isn't in a folder of src. */
const folderOf = (file: string): string => /^src\/([^/]+)\//.exec(file)?.[1] ?? '';

function folderRule(file: string): string[] {
  if (!file.startsWith('src/') || file === 'src/index.ts') return [];
  const folder = folderOf(file);
  if (LAYERS.includes(folder) || SIDES.includes(folder)) return [];
  return [`${file}: stands in no known folder of src; give the folder its place in the import table of this test`];
}

function banRule(source: Source, ban: Ban): string[] {
  if (!isUnder(source.file, ban.within) || isUnder(source.file, ban.except)) return [];
  return complaints(source, (node) => {
    const used = ban.what.find((what) => isUseOf(node, what));
    return used && `${used.replace(/\.$/, '')} is banned here; use ${ban.instead}`;
  });
}

/** Whether a node uses a global, or one of its members, that is written `what`. */
function isUseOf(node: ts.Node, what: string): boolean {
  const [object, member] = what.split('.');
  if (what.startsWith('new ')) return ts.isNewExpression(node) && node.expression.getText() === what.slice(4);
  if (member !== undefined) {
    if (!ts.isPropertyAccessExpression(node) || node.expression.getText() !== object) return false;
    return member === '' || node.name.text === member;
  }
  if (!ts.isIdentifier(node) || node.text !== what) return false;
  // A member of that name is somebody else's; so is a declaration, unless it imports the real one.
  if (ts.isPropertyAccessExpression(node.parent)) return node.parent.expression === node;
  return ts.isImportSpecifier(node.parent) || !('name' in node.parent && node.parent.name === node);
}

function fileLengthRule({ file, text }: Source): string[] {
  const lines = text.split('\n').length - 1;
  return lines > FILE_LINES_MAX
    ? [`${file}: ${lines} lines; ${FILE_LINES_MAX} are the most, so it does two things`]
    : [];
}

function functionLengthRule(source: Source): string[] {
  const isLetThrough = (name: string): boolean =>
    LONG_FUNCTIONS.some(({ where }) => where === `${source.file}: ${name}`);
  return complaints(source, (node) => {
    const lines = functionLines(source, node);
    if (lines <= FUNCTION_LINES_MAX || isLetThrough(functionName(node))) return undefined;
    return `${functionName(node)} has ${lines} lines; ${FUNCTION_LINES_MAX} are the most`;
  });
}

function longFunctions(source: Source): string[] {
  const names: string[] = [];
  complaints(source, (node) => {
    if (functionLines(source, node) > FUNCTION_LINES_MAX) names.push(functionName(node));
    return undefined;
  });
  return names;
}

/** 0 of whatever isn't a function with a body. The comment above a function isn't part of its length. */
function functionLines({ tree }: Source, node: ts.Node): number {
  if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return 0;
  const line = (position: number): number => tree.getLineAndCharacterOfPosition(position).line;
  return line(node.end) - line(node.getStart(tree)) + 1;
}

function functionName(node: ts.Node): string {
  if (ts.isConstructorDeclaration(node)) return 'constructor';
  if (ts.isFunctionLike(node) && node.name !== undefined) return node.name.getText();
  const { parent } = node;
  return ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) ? parent.name.getText() : '(unnamed)';
}

function languageRule(source: Source): string[] {
  return complaints(source, (node) => {
    if (ts.isEnumDeclaration(node)) return 'enum; use constants and a union';
    if (ts.isModuleDeclaration(node) && !(node.flags & ts.NodeFlags.GlobalAugmentation))
      return 'namespace; use a module';
    if (ts.isParameter(node) && ts.isParameterPropertyDeclaration(node, node.parent)) {
      return 'parameter property; declare the field';
    }
    if (node.kind === ts.SyntaxKind.AnyKeyword) return 'any; use the type, or unknown';
    return undefined;
  });
}

function silencerRule({ file, text, tree }: Source): string[] {
  const found = new Map<number, string>();
  const visit = (node: ts.Node): void => {
    for (const { pos, end } of ts.getLeadingCommentRanges(text, node.getFullStart()) ?? []) {
      const silencer = /@ts-(?:ignore|nocheck)\b/.exec(text.slice(pos, end))?.[0];
      const line = tree.getLineAndCharacterOfPosition(pos).line + 1;
      if (silencer !== undefined)
        found.set(pos, `${file}:${line}: ${silencer} hides every error; use @ts-expect-error`);
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return [...found.values()];
}

function doorRule(source: Source): string[] {
  if (source.file !== 'src/index.ts') return [];
  return complaints(source, (node) =>
    ts.isExportDeclaration(node) && node.moduleSpecifier && !(node.exportClause && ts.isNamedExports(node.exportClause))
      ? 'export *; the public door names everything'
      : undefined,
  );
}

function leftOutTestRule(source: Source): string[] {
  if (!source.file.startsWith('test/')) return [];
  return complaints(source, (node) => {
    if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return undefined;
    const { text } = node.expression.name;
    return text === 'only' || text === 'skip' ? `.${text}() leaves tests out` : undefined;
  });
}

function titleRule(file: string, text: string): string[] {
  const prose = text.replace(/^(```+|~~~+)[^\n]*\n[\s\S]*?^\1[^\n]*$/gm, '');
  const titles = prose.split('\n').filter((line) => line.startsWith('# ')).length;
  return titles === 1 ? [] : [`${file}: ${titles} titles; a document has one`];
}

// ---- The real tree. ----

function filesUnder(folder: string, ending: string): string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((entry) => `${folder}/${entry.replaceAll('\\', '/')}`)
    .filter((file) => file.endsWith(ending))
    .sort();
}

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const sources = ['src', 'test', 'bench']
  .flatMap((folder) => filesUnder(folder, '.ts'))
  .map((file) => sourceOf(file, read(file)));
const productSources = sources.filter(({ file }) => file.startsWith('src/'));

test('imports point to the left only', async (t) => {
  t.strictSame(sources.flatMap(importRule), []);
});

test('an import to the right, between sides, or past the door of the targets fails', async (t) => {
  const importing = (file: string, ...names: string[]): string[] =>
    importRule(sourceOf(file, names.map((name) => `import { x } from '${name}';`).join('\n')));
  t.strictSame(importing('src/block/bio.ts', '../core/table.ts', '../irq/softirq.ts', './disk.ts', 'node:fs'), [
    'src/block/bio.ts:1: imports src/core/table.ts; block may import only machine, shared, irq, block',
  ]);
  t.strictSame(
    importing('src/check/io.ts', '../explore/cpu.ts', '../targets/zero.ts', '../shared/word.ts', '../core/dm.ts'),
    [
      'src/check/io.ts:1: imports src/explore/cpu.ts; check may import only machine, shared, irq, check',
      'src/check/io.ts:2: imports src/targets/zero.ts; check may import only machine, shared, irq, check',
    ],
  );
  t.strictSame(importing('src/targets/linear.ts', '../core/device-mapper.ts', '../core/table.ts', './error.ts'), [
    'src/targets/linear.ts:2: imports src/core/table.ts; targets see only src/core/device-mapper.ts and themselves',
  ]);
  t.strictSame(importing('src/core/dm.ts', '../../test/support/pool.ts'), [
    'src/core/dm.ts:1: imports test/support/pool.ts; core may import only machine, shared, irq, block, core',
  ]);
  t.strictSame(importing('src/cli/main.ts', '../explore/cpu.ts', '../core/table.ts'), []);
});

test('an import for types only, a re-export and a dynamic import count as imports', async (t) => {
  const text = `import type { T } from '../shared/word.ts';
export { x } from '../shared/word.ts';
const y = await import('../shared/word.ts');
type Z = import('../shared/word.ts').Z;`;
  t.equal(importRule(sourceOf('src/machine/kernel.ts', text)).length, 4);
});

test('each exception to the import direction is still needed and gives its reason', async (t) => {
  const idle = IMPORT_EXCEPTIONS.filter(({ from, to, why }) => {
    const imports = sources.filter(({ file }) => isUnder(file, [from])).flatMap(importsOf);
    return why === '' || !imports.some((file) => isUnder(file, [to]));
  });
  t.strictSame(idle, []);
});

test('every folder of src has its place in the import table', async (t) => {
  t.strictSame(
    productSources.flatMap(({ file }) => folderRule(file)),
    [],
  );
});

test('a folder of src that the import table does not know fails, and so does a stray file', async (t) => {
  t.match(folderRule('src/util/misc.ts'), [/^src\/util\/misc\.ts: stands in no known folder/]);
  t.match(folderRule('src/helpers.ts'), [/^src\/helpers\.ts: stands in no known folder/]);
  t.strictSame(folderRule('src/core/table.ts'), []);
});

test('chance, clocks, timers and atomics are used only where they belong', async (t) => {
  t.strictSame(
    BANS.flatMap((ban) => sources.flatMap((source) => banRule(source, ban))),
    [],
  );
});

test('a banned call fails with what to use in its place', async (t) => {
  const banned = (file: string, text: string): string[] => BANS.flatMap((ban) => banRule(sourceOf(file, text), ban));
  t.strictSame(banned('src/actors/cpu.ts', 'const x = Math.random();'), [
    "src/actors/cpu.ts:1: Math.random is banned here; use the machine's choice(), or a seeded generator",
  ]);
  const clocks = 'Date.now();\nnew Date(0);\nperformance.now();\nprocess.hrtime.bigint();\n';
  t.strictSame(
    banned('src/core/dm.ts', clocks),
    ['Date.now', 'new Date', 'performance.now', 'process.hrtime'].map(
      (call, k) => `src/core/dm.ts:${k + 1}: ${call} is banned here; use the machine's nowUs()`,
    ),
  );
  t.strictSame(banned('src/actors/cpu.ts', clocks), []);
  const timers = "import { setTimeout } from 'node:timers/promises';\nsetInterval(f, 1);\nconst now = setImmediate;\n";
  t.equal(banned('src/explore/cpu.ts', timers).length, 3);
  t.strictSame(banned('src/irq/timers.ts', 'class T { setTimeout(): void {} }\nnew T().setTimeout();'), []);
  t.strictSame(banned('src/core/dm.ts', 'Atomics.add(words, 0, 1);'), [
    "src/core/dm.ts:1: Atomics is banned here; use the machine's operations (ops.load, ops.rmw, ...)",
  ]);
  t.strictSame(banned('src/shared/slab.ts', 'Atomics.add(words, 0, 1);'), []);
  t.strictSame(banned('src/core/dm.ts', "// Date.now()\nconst text = 'Math.random()';"), []);
});

test('every file that a ban spares exists', async (t) => {
  const spared = BANS.flatMap(({ except }) => except).filter((place) => !place.endsWith('/'));
  t.strictSame(
    spared.filter((file) => !existsSync(join(ROOT, file))),
    [],
  );
});

test('no file of src is too long', async (t) => {
  t.strictSame(productSources.flatMap(fileLengthRule), []);
});

test('a file that is too long fails', async (t) => {
  t.strictSame(fileLengthRule(sourceOf('src/a.ts', '\n'.repeat(600))), []);
  t.match(fileLengthRule(sourceOf('src/a.ts', '\n'.repeat(601))), [/^src\/a\.ts: 601 lines/]);
});

test('no function of src is longer than a screen', async (t) => {
  t.strictSame(productSources.flatMap(functionLengthRule), []);
});

test('each long function that is let through is still too long and gives its reason', async (t) => {
  const idle = LONG_FUNCTIONS.filter(({ where, why }) => {
    const source = productSources.find(({ file }) => where.startsWith(`${file}: `));
    return (
      why === '' || source === undefined || !longFunctions(source).some((name) => where === `${source.file}: ${name}`)
    );
  });
  t.strictSame(idle, []);
});

test('a function that is too long fails, whatever kind of function it is', async (t) => {
  const lines = '\n'.repeat(60);
  const long = (text: string): string[] => functionLengthRule(sourceOf('src/a.ts', text));
  t.strictSame(long(`function* f() {${lines}}`), ['src/a.ts:1: f has 61 lines; 60 are the most']);
  t.strictSame(long(`const g = () => {${lines}};`), ['src/a.ts:1: g has 61 lines; 60 are the most']);
  t.strictSame(long(`class C { m() {${lines}} }`), ['src/a.ts:1: m has 61 lines; 60 are the most']);
  t.strictSame(long(`/**${lines}*/ function f() {${lines.slice(1)}}`), []);
});

test('the language stays what can be run with its types erased, and any stays out', async (t) => {
  t.strictSame(sources.flatMap(languageRule), []);
});

test('enum, namespace, parameter properties and any fail', async (t) => {
  const text = `enum E { A }
namespace N { export const x = 1; }
class C { constructor(private readonly x: number) {} }
const y = z as any;
function f(list: any[]): void {}
declare global { const HERE: number; }`;
  t.strictSame(languageRule(sourceOf('src/a.ts', text)), [
    'src/a.ts:1: enum; use constants and a union',
    'src/a.ts:2: namespace; use a module',
    'src/a.ts:3: parameter property; declare the field',
    'src/a.ts:4: any; use the type, or unknown',
    'src/a.ts:5: any; use the type, or unknown',
  ]);
});

test('no comment hides the errors of the compiler', async (t) => {
  t.strictSame(sources.flatMap(silencerRule), []);
});

test('a comment that hides errors fails', async (t) => {
  t.strictSame(
    silencerRule(sourceOf('src/a.ts', "const a = '// @ts-ignore';\n// @ts-ignore\nconst b: number = a;\n")),
    ['src/a.ts:2: @ts-ignore hides every error; use @ts-expect-error'],
  );
  t.equal(silencerRule(sourceOf('src/a.ts', '// @ts-nocheck\n')).length, 1);
});

test('the public door names everything that goes through it', async (t) => {
  t.strictSame(sources.flatMap(doorRule), []);
});

test('export * through the public door fails', async (t) => {
  const text = "export * from './core/a.ts';\nexport * as b from './core/b.ts';\nexport { c } from './core/c.ts';\n";
  t.strictSame(doorRule(sourceOf('src/index.ts', text)), [
    'src/index.ts:1: export *; the public door names everything',
    'src/index.ts:2: export *; the public door names everything',
  ]);
});

test('no test is left out', async (t) => {
  t.strictSame(sources.flatMap(leftOutTestRule), []);
});

test('a test that is left out, or that leaves out the others, fails', async (t) => {
  t.strictSame(leftOutTestRule(sourceOf('test/a.test.ts', "test.only('a', f);\nt.skip('b', f);\nit('c', f);\n")), [
    'test/a.test.ts:1: .only() leaves tests out',
    'test/a.test.ts:2: .skip() leaves tests out',
  ]);
});

test('every document has one title', async (t) => {
  const documents = [...filesUnder('docs', '.md'), ...(existsSync(join(ROOT, 'README.md')) ? ['README.md'] : [])];
  t.strictSame(
    documents.flatMap((file) => titleRule(file, read(file))),
    [],
  );
});

test('a document without a title or with two fails, whatever its code blocks say', async (t) => {
  t.strictSame(titleRule('docs/A.md', 'Text\n\n## Part\n'), ['docs/A.md: 0 titles; a document has one']);
  t.strictSame(titleRule('docs/A.md', '# One\n\n# Two\n'), ['docs/A.md: 2 titles; a document has one']);
  t.strictSame(titleRule('docs/A.md', '# One\n\n```sh\n# a comment\n```\n\n## Part\n'), []);
});
