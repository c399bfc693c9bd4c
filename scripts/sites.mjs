// Puts the numbers in for HERE.
//
// Kernel code names its place with the token HERE; a place found by capturing a stack would cost more than a hundred lock
// pairs. So the k-th HERE of the tree becomes the number k in dist, and dist/sites.json says what k stands for:
// [file, line, function]. Runs after every compile; nothing is written unless each file of dist matches its source.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript-api';

const TOKEN = 'HERE';
const FOLDERS = ['src', 'test', 'bench'];
const UNKNOWN = ['?', 0, '?'];

/** The mistake of the person who builds, as opposed to a fault of this script. */
export class SitesError extends Error {}

/**
 * Numbers the tokens of the tree under `root`, changes its dist folder and writes dist/sites.json.
 * Gives the table. Throws SitesError, having changed nothing, when dist isn't what a fresh compile leaves.
 */
export function numberSites(root) {
  const sites = [UNKNOWN];
  const outputs = [];
  for (const file of sourceFiles(root)) {
    const text = readFileSync(join(root, file), 'utf8');
    if (!text.includes(TOKEN)) continue;
    const source = parse(file, text);
    const tokens = tokensOf(source, file);
    if (tokens.length === 0) continue;
    outputs.push(numberedOutput(root, file, tokens.length, sites.length));
    for (const token of tokens) sites.push([file, lineOf(source, token), functionOf(token)]);
  }
  for (const { path, text } of outputs) writeFileSync(path, text);
  writeFileSync(
    join(root, 'dist/sites.json'),
    `{"sites":[\n${sites.map((row) => JSON.stringify(row)).join(',\n')}\n]}\n`,
  );
  return sites;
}

function sourceFiles(root) {
  const files = [];
  for (const folder of FOLDERS) {
    if (!existsSync(join(root, folder))) continue;
    for (const entry of readdirSync(join(root, folder), { recursive: true })) {
      const file = `${folder}/${entry.replaceAll('\\', '/')}`;
      if (file.endsWith('.ts') && !file.endsWith('.d.ts')) files.push(file);
    }
  }
  // By code unit: the order must not depend on the builder's locale.
  return files.sort((a, b) => (a < b ? -1 : 1));
}

function numberedOutput(root, file, expected, first) {
  const output = `dist/${file.replace(/\.ts$/, '.js')}`;
  const path = join(root, output);
  if (!existsSync(path)) throw new SitesError(`${output} is missing: run npm run build`);
  const text = readFileSync(path, 'utf8');
  const tokens = tokensOf(parse(output, text), output);
  if (tokens.length === 0) throw new SitesError(`${output} has been numbered before: run npm run build`);
  if (tokens.length !== expected) {
    throw new SitesError(
      `${output} has ${tokens.length} ${TOKEN}, but ${file} has ${expected}: run npm run build; ` +
        `if that doesn't help, one of them stands where the compiler drops or repeats it`,
    );
  }
  let numbered = '';
  let end = 0;
  tokens.forEach((token, k) => {
    // As wide as the token, so that the columns of the source map stay true.
    numbered += text.slice(end, token.getStart()) + String(first + k).padEnd(TOKEN.length);
    end = token.end;
  });
  return { path, text: numbered + text.slice(end) };
}

function parse(file, text) {
  const kind = file.endsWith('.js') ? ts.ScriptKind.JS : ts.ScriptKind.TS;
  return ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true, kind);
}

/** Every HERE that is a value, in the order of the text: comments, strings, types, declarations and member names don't count. */
function tokensOf(source, file) {
  const tokens = [];
  const visit = (node) => {
    if (ts.isTypeNode(node) && !ts.isExpressionWithTypeArguments(node)) return;
    if (ts.isIdentifier(node) && node.text === TOKEN) {
      if (ts.isShorthandPropertyAssignment(node.parent)) {
        throw new SitesError(
          `${file}:${lineOf(source, node)}: write { ${TOKEN}: ${TOKEN} }, a number can't be a shorthand`,
        );
      }
      if (node.parent.name !== node) tokens.push(node);
      return;
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return tokens;
}

function lineOf(source, node) {
  return source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
}

function functionOf(node) {
  for (let at = node.parent; at !== undefined; at = at.parent) {
    if (ts.isFunctionLike(at)) {
      const name = nameOf(at);
      if (name !== undefined) return name;
    }
  }
  return '(top level)';
}

/** A function's own name, or that of the variable, property or assignment which it is the value of. */
function nameOf(fn) {
  if (ts.isConstructorDeclaration(fn)) return 'constructor';
  if (fn.name !== undefined) return fn.name.getText();
  const { parent } = fn;
  if (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) || ts.isPropertyDeclaration(parent)) {
    return parent.name.getText();
  }
  if (ts.isBinaryExpression(parent) && parent.operatorToken.kind === ts.SyntaxKind.EqualsToken) {
    return ts.isPropertyAccessExpression(parent.left) ? parent.left.name.text : parent.left.getText();
  }
  return undefined;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    numberSites(fileURLToPath(new URL('..', import.meta.url)));
  } catch (error) {
    if (!(error instanceof SitesError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
