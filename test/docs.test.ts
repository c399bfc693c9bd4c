/**
 * What is written is run: links, commands, names and code in the documents.
 */
import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import ts from 'typescript-api';
import { cases } from './cases/all.ts';
import { codeBlocks, type Page, pages, proseOf, readText, sourceText, tableRows } from './support/documents.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** `What is not modelled?` becomes `what-is-not-modelled`, as hosts of Markdown do it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s-]/gu, '')
    .trim()
    .replace(/\s/g, '-');

function brokenLinks(page: Page): string[] {
  const links = [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] as string);
  return links.filter((link) => !/^https?:/.test(link) && !leadsSomewhere(page.file, link));
}

function leadsSomewhere(from: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const file = path === '' ? from : posix.join(posix.dirname(from), path);
  if (!existsSync(join(ROOT, file))) return false;
  if (anchor === undefined) return true;
  return [...readText(file).matchAll(/^#+ (.+)$/gm)].some((match) => anchorOf(match[1] as string) === anchor);
}

test('every relative link in the documents leads to a file, and its anchor to a heading', async (t) => {
  t.strictSame(
    pages.flatMap((page) => brokenLinks(page).map((link) => `${page.file}: ${link}`)),
    [],
  );
  const text = '[a](docs/NOWHERE.md) [b](#nothing) [c](README.md#use) [d](docs/MACHINES.md#the-contract)';
  t.strictSame(brokenLinks({ file: 'README.md', text }), ['docs/NOWHERE.md', '#nothing']);
});

/** npm's own verbs that a document may name. */
const NPM_VERBS = ['ci'];
const scripts = Object.keys((JSON.parse(readText('package.json')) as { scripts: object }).scripts);
const commands = [...sourceText('src/cli').matchAll(/\.command\('([a-z]+)/g)].map((match) => match[1] as string);
const options = [...sourceText('src/cli').matchAll(/'(?:-\w, )?(--[a-z-]+)/g)].map((match) => match[1] as string);

/** Code in prose, indented or fenced: what somebody may type. */
function commandLines({ text }: Page): string[] {
  const spans = [...text.matchAll(/(?<!`)`([^`\n]+)`(?!`)/g)].map((match) => match[1] as string);
  const lines = [...text.matchAll(/^ {4}(\S.*)$/gm)].map((match) => match[1] as string);
  const outputs = [...text.matchAll(/<!-- output of (.+?)(?:, last \d+ lines?)? -->/g)].map(
    (match) => match[1] as string,
  );
  return [...spans, ...lines, ...outputs].flatMap((line) => line.split('&&').map((part) => part.trim()));
}

function unknownCommand(line: string): string | undefined {
  const npm = /^npm (run )?(?:--silent )?([a-z:-]+)$/.exec(line);
  if (npm !== null) {
    const name = npm[2] as string;
    return scripts.includes(name) || (npm[1] === undefined && NPM_VERBS.includes(name)) ? undefined : line;
  }
  const dmrace = /^(?:npx )?dmrace ([a-z]+)(.*)$/.exec(line);
  if (dmrace === null) return undefined;
  const unknown = [...(dmrace[2] as string).matchAll(/(--[a-z-]+)/g)].filter(
    (match) => !options.includes(match[1] as string),
  );
  return commands.includes(dmrace[1] as string) && unknown.length === 0 ? undefined : line;
}

test('every npm script, dmrace command and option that the documents name exists', async (t) => {
  t.ok(commands.length > 0, commands.join(', '));
  t.strictSame(
    pages.flatMap((page) =>
      commandLines(page)
        .flatMap((line) => unknownCommand(line) ?? [])
        .map((line) => `${page.file}: ${line}`),
    ),
    [],
  );
  const lines = ['npm ci', 'npm run no-such', 'npx dmrace dance', 'dmrace list --loud', 'dmrace list --json'];
  t.strictSame(
    lines.flatMap((line) => unknownCommand(line) ?? []),
    ['npm run no-such', 'npx dmrace dance', 'dmrace list --loud'],
  );
});

test('each dependency has its row in ARCHITECTURE.md, and no other has one', async (t) => {
  const packages = JSON.parse(readText('package.json')) as Record<'dependencies' | 'devDependencies', object>;
  const rows = tableRows(readText('docs/ARCHITECTURE.md'), [
    'package',
    'what for',
    'why this one',
    'kept by',
    'tree, size',
  ]);
  const named = rows.flatMap(([name = '']) => name.replace(/ \(.*\)$/, '').split(', '));
  const installed = [...Object.keys(packages.dependencies), ...Object.keys(packages.devDependencies)];
  t.strictSame(named.sort(), installed.sort());
});

test('each of our names in ROSETTA.md is in the file beside it', async (t) => {
  const rows = tableRows(readText('docs/ROSETTA.md'), ['kernel', 'ours', 'file', 'era']);
  t.ok(rows.length > 0);
  const missing = rows.flatMap(([kernel, ours = '', files = '']) => {
    const text = [...files.matchAll(/`([^`]+)`/g)].map((match) => readText(match[1] as string)).join('\n');
    const names = [...ours.matchAll(/`(?:\w+\.)?(\w+)`/g)].map((match) => match[1] as string);
    if (names.length === 0) return [`${kernel}: no name of ours`];
    return names.filter((name) => !new RegExp(`\\b${name}\\b`).test(text)).map((name) => `${kernel}: ${name}`);
  });
  t.strictSame(missing, []);
});

test('each acceptance case has its row, and the sentence of each row is in the file beside it', async (t) => {
  const rows = tableRows(readText('docs/TESTING.md'), ['case', 'what is shown', 'where']);
  t.ok(rows.length > 0);
  const isThere = ([, sentence = '', file = '']: string[]): boolean =>
    readText(file.replaceAll('`', '')).includes(`'${sentence}'`);
  t.strictSame(
    rows.filter((row) => !isThere(row)),
    [],
  );
  t.notOk(isThere(['patch 0', 'nothing is ever lost', '`test/cases/all.ts`']));
  const here = rows.filter(([, , file]) => file?.startsWith('`test/cases/'));
  t.strictSame(
    here.map(([number, sentence]) => `${number}: ${sentence}`).sort(),
    cases.map(({ of, sentence }) => `${of}: ${sentence}`).sort(),
  );
});

test('every path of the repository that the documents name exists', async (t) => {
  const paths = pages.flatMap((page) =>
    [...proseOf(page).matchAll(/`((?:src|test|scripts|docs|bench)\/[\w./-]*)`/g)].map((match) => ({
      file: page.file,
      path: match[1] as string,
    })),
  );
  t.ok(paths.length > 0);
  t.strictSame(
    paths.filter(({ path }) => !existsSync(join(ROOT, path))).map(({ file, path }) => `${file}: ${path}`),
    [],
  );
});

/** Errors of the documents' TypeScript, each block laid over the tree as the file that its first line names. */
function compileErrors(blocks: ReadonlyMap<string, string>): string[] {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile) as { config: object };
  const parsed = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const settings = { ...parsed.options, noEmit: true };
  const host = ts.createCompilerHost(settings);
  const { fileExists, readFile } = host;
  host.fileExists = (file) => blocks.has(file) || fileExists(file);
  host.readFile = (file) => blocks.get(file) ?? readFile(file);
  const names = [...blocks.keys()];
  const program = ts.createProgram([...names, join(ROOT, 'src/machine/site.ts')], settings, host);
  return names.flatMap((name) => {
    const source = program.getSourceFile(name);
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return found.map(
      ({ messageText }) => `${posix.basename(name)}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    );
  });
}

test('TypeScript in the documents compiles as the file that its first line names, which is not there yet', async (t) => {
  const found = pages.flatMap(codeBlocks).filter(({ language }) => language === 'ts');
  t.ok(found.length > 0);
  const blocks = new Map<string, string>();
  for (const { file, line, code } of found) {
    const path = /^\/\/ ((?:src|test)\/\S+\.ts)\n/.exec(code)?.[1];
    if (path === undefined) t.fail(`${file}:${line} does not name its file`);
    else if (existsSync(join(ROOT, path))) t.fail(`${file}:${line}: ${path} is there already`);
    else blocks.set(join(ROOT, path), code);
  }
  t.strictSame(compileErrors(blocks), []);
  const wrong = join(ROOT, 'src/targets/wrong.ts');
  t.strictSame(compileErrors(new Map([[wrong, "export const wrong: number = 'text';\n"]])), [
    "wrong.ts: Type 'string' is not assignable to type 'number'.",
  ]);
});

test('every block of output is closed', async (t) => {
  for (const { file, text } of pages) {
    const opened = text.match(/<!-- output of /g)?.length ?? 0;
    t.equal(text.match(/<!-- end of output -->/g)?.length ?? 0, opened, file);
  }
});
