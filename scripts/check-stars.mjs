// Finds kernel calls without their star.
//
// A function that returns Kernel<T> does nothing until somebody runs what it returned, and the compiler is content to see
// that thrown away: `spinLock(lock, HERE);` locks nothing, `if (tryLock(lock, HERE))` is always true. So every such call must
// be the operand of yield*, be returned by a function that returns Kernel itself, or be handed to a parameter of type
// Kernel. For the same reason a kernel function mustn't stand where a plain callback is expected.
// The rules need types, which the compiler that builds the project doesn't offer; hence the API of an older one.

import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript-api';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const KERNEL_FILE = 'src/machine/kernel.ts';

/**
 * Checks the project under `root`; `files` (path to text) lays sources over the disk and narrows the check to them.
 * Gives a list of { file, line, column, message }, in the order of the files and of their text.
 */
export function checkStars({ root = ROOT, files } = {}) {
  return inspect({ root, files }).violations;
}

function inspect({ root, files }) {
  const program = openProgram(root, files);
  const types = new KernelTypes(program, root);
  const report = { violations: [], calls: 0, files: 0 };
  for (const source of program.getSourceFiles()) {
    const file = relative(root, source.fileName).replaceAll('\\', '/');
    if (source.isDeclarationFile || file.startsWith('..') || file.includes('node_modules/')) continue;
    if (files !== undefined && !(file in files)) continue;
    report.files++;
    report.calls += new FileCheck(types, source, file, report.violations).run();
  }
  return report;
}

function openProgram(root, files) {
  const fatal = (diagnostic) => {
    throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'));
  };
  const config = ts.getParsedCommandLineOfConfigFile(
    join(root, 'tsconfig.json'),
    { noEmit: true },
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: fatal },
  );
  if (files === undefined) return ts.createProgram(config.fileNames, config.options);

  const laid = new Map(Object.entries(files).map(([file, text]) => [join(root, file), text]));
  const host = ts.createCompilerHost(config.options, true);
  const { readFile, fileExists } = host;
  host.readFile = (file) => laid.get(file) ?? readFile.call(host, file);
  host.fileExists = (file) => laid.has(file) || fileExists.call(host, file);
  host.getSourceFile = (file, options) => {
    const text = host.readFile(file);
    return text === undefined ? undefined : ts.createSourceFile(file, text, options, true);
  };
  return ts.createProgram([...laid.keys()], config.options, host);
}

/** Questions about types, with Kernel resolved once. */
class KernelTypes {
  constructor(program, root) {
    this.checker = program.getTypeChecker();
    const source = program.getSourceFile(join(root, KERNEL_FILE));
    const module = source && this.checker.getSymbolAtLocation(source);
    this.alias = module && this.checker.getExportsOfModule(module).find(({ name }) => name === 'Kernel');
    if (this.alias === undefined) throw new Error(`${KERNEL_FILE} doesn't export a type Kernel`);
    this.shape = this.checker.getDeclaredTypeOfSymbol(this.alias);
  }

  /** Also true of a union with a Kernel in it. */
  isKernel(type) {
    if (type === undefined) return false;
    if (type.aliasSymbol === this.alias) return true;
    if (type.isUnionOrIntersection()) return type.types.some((part) => this.isKernel(part));
    if (type.flags & ts.TypeFlags.TypeParameter) return this.isKernel(this.checker.getBaseConstraintOfType(type));
    return this.#hasShape(type);
  }

  // Inference may lose the alias's name, never what it stands for.
  #hasShape(type) {
    if (type.target === undefined || type.target !== this.shape.target) return false;
    const given = this.checker.getTypeArguments(type);
    return this.checker
      .getTypeArguments(this.shape)
      .every((expected, k) => expected.flags & ts.TypeFlags.TypeParameter || expected === given[k]);
  }

  returnsKernel(type) {
    return callSignatures(type).some((signature) => this.isKernel(signature.getReturnType()));
  }

  /** What a declared function gives to its callers. */
  ownReturnType(fn) {
    return this.checker.getSignatureFromDeclaration(fn)?.getReturnType();
  }

  /** The type of the parameter which takes this argument, as it was declared: `T` and not what T was inferred to be. */
  parameterType(call, argument) {
    const index = call.arguments?.indexOf(argument) ?? -1;
    const resolved = this.checker.getResolvedSignature(call);
    if (index < 0 || resolved === undefined || call.arguments.slice(0, index).some(ts.isSpreadElement))
      return undefined;
    const { declaration } = resolved;
    const signature = (declaration && this.checker.getSignatureFromDeclaration(declaration)) ?? resolved;
    const { parameters } = signature;
    const last = parameters.at(-1);
    const rest = last?.valueDeclaration;
    if (rest && ts.isParameter(rest) && rest.dotDotDotToken && index >= parameters.length - 1) {
      const list = this.checker.getTypeOfSymbolAtLocation(last, call);
      return this.checker.getIndexTypeOfType(list, ts.IndexKind.Number);
    }
    return parameters[index] && this.checker.getTypeOfSymbolAtLocation(parameters[index], call);
  }

  /** What an object literal is expected to have under this name. */
  expectedMember(literal, name) {
    const expected = this.checker.getContextualType(literal);
    if (expected === undefined) return undefined;
    const member = this.checker.getNonNullableType(expected).getProperty(name);
    if (member !== undefined) return this.checker.getTypeOfSymbolAtLocation(member, literal);
    return this.checker.getIndexTypeOfType(expected, ts.IndexKind.String);
  }
}

function callSignatures(type) {
  if (type === undefined) return [];
  return type.isUnion() ? type.types.flatMap((part) => part.getCallSignatures()) : type.getCallSignatures();
}

/** The rules, over one file. */
class FileCheck {
  #unmarked = new Set();
  #calls = 0;

  constructor(types, source, file, violations) {
    this.types = types;
    this.source = source;
    this.file = file;
    this.violations = violations;
  }

  run() {
    this.#visit(this.source);
    return this.#calls;
  }

  #visit(node) {
    if (ts.isCallExpression(node) || ts.isTaggedTemplateExpression(node)) this.#checkCall(node);
    if (ts.isYieldExpression(node) && node.asteriskToken) this.#checkStarredIn(node);
    this.#checkCallbacks(node);
    if (ts.isClassLike(node)) this.#checkOverrides(node);
    ts.forEachChild(node, (child) => this.#visit(child));
  }

  #report(node, message) {
    const { line, character } = this.source.getLineAndCharacterOfPosition(node.getStart(this.source));
    this.violations.push({ file: this.file, line: line + 1, column: character + 1, message });
  }

  #checkCall(call) {
    if (!this.types.isKernel(this.types.checker.getTypeAtLocation(call))) return;
    this.#calls++;
    const fault = this.#faultOf(call, call);
    if (fault === undefined) return;
    const fn = enclosingFunction(call);
    const where = fn?.asteriskToken ? '' : ' in a function* that returns Kernel';
    const callee = calleeText(call);
    this.#report(call, `${callee}() ${fault}: write yield* ${callee}(...)${where}`);
  }

  /** Why the place of a kernel call won't run it, or undefined if it will. */
  #faultOf(call, node) {
    const { parent } = node;
    if (passesOn(node, parent)) return this.#faultOf(call, parent);
    if (ts.isYieldExpression(parent)) {
      return parent.asteriskToken ? undefined : 'is yielded without a star, which announces it and never runs it';
    }
    if (ts.isReturnStatement(parent) || (ts.isArrowFunction(parent) && parent.body === node)) {
      return this.#mayReturn(enclosingFunction(node))
        ? undefined
        : "is returned unrun from a function that doesn't give its callers a Kernel";
    }
    if ((ts.isCallExpression(parent) || ts.isNewExpression(parent)) && parent.expression !== node) {
      if (this.types.isKernel(this.types.parameterType(parent, node))) return undefined;
      return `is handed unrun to ${calleeText(parent)}(), which doesn't take a Kernel`;
    }
    if (ts.isAwaitExpression(parent)) return "is awaited, which doesn't run it";
    if (ts.isExpressionStatement(parent) || ts.isVoidExpression(parent)) return 'does nothing without a star';
    return 'is used unrun, as a value';
  }

  #mayReturn(fn) {
    // In a generator `return` gives the value to whoever stars the call: it wants the result there, not the Kernel.
    if (fn === undefined || fn.asteriskToken || ts.isAccessor(fn) || ts.isConstructorDeclaration(fn)) return false;
    return this.types.isKernel(this.types.ownReturnType(fn));
  }

  /** A generator that stars kernel calls is a kernel function: unless it says so, its own callers could forget the star. */
  #checkStarredIn(node) {
    const fn = enclosingFunction(node);
    if (fn === undefined || this.#unmarked.has(fn) || node.expression === undefined) return;
    if (!this.types.isKernel(this.types.checker.getTypeAtLocation(node.expression))) return;
    if (fn.type !== undefined ? this.types.isKernel(this.types.ownReturnType(fn)) : this.#expectedAsKernel(fn)) return;
    this.#unmarked.add(fn);
    const name = fn.name?.getText(this.source) ?? 'this function*';
    this.#report(fn.name ?? fn, `${name} makes kernel calls but doesn't say so: write its return type, Kernel<...>`);
  }

  #expectedAsKernel(fn) {
    if (ts.isFunctionExpression(fn)) return this.types.returnsKernel(this.types.checker.getContextualType(fn));
    if (!ts.isMethodDeclaration(fn) || !ts.isObjectLiteralExpression(fn.parent)) return false;
    return this.types.returnsKernel(this.types.expectedMember(fn.parent, fn.name.getText(this.source)));
  }

  #checkCallbacks(node) {
    const { checker } = this.types;
    if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
      for (const argument of node.arguments ?? []) {
        this.#checkCallback(argument, this.types.parameterType(node, argument), `to ${calleeText(node)}()`);
      }
    } else if (isTypedInitializer(node)) {
      this.#checkCallback(node.initializer, checker.getTypeFromTypeNode(node.type), 'here');
    } else if (ts.isBinaryExpression(node) && ASSIGNMENTS.has(node.operatorToken.kind)) {
      this.#checkCallback(node.right, checker.getTypeAtLocation(node.left), 'here');
    } else if (ts.isAsExpression(node) || ts.isSatisfiesExpression(node)) {
      this.#checkCallback(node.expression, checker.getTypeFromTypeNode(node.type), 'here');
    } else if (ts.isObjectLiteralExpression(node)) {
      for (const member of node.properties) this.#checkMember(node, member);
    } else if (ts.isArrayLiteralExpression(node)) {
      for (const element of node.elements) this.#checkCallback(element, checker.getContextualType(element), 'here');
    } else if (ts.isReturnStatement(node) && node.expression) {
      this.#checkCallback(node.expression, checker.getContextualType(node.expression), 'here');
    } else if (ts.isArrowFunction(node) && !ts.isBlock(node.body)) {
      this.#checkCallback(node.body, checker.getContextualType(node.body), 'here');
    }
  }

  #checkMember(literal, member) {
    if (member.name === undefined || ts.isAccessor(member)) return;
    const name = member.name.getText(this.source);
    const value = ts.isPropertyAssignment(member) ? member.initializer : member.name;
    this.#checkCallback(value, this.types.expectedMember(literal, name), `as ${name}`);
  }

  #checkCallback(value, expected, place) {
    const { checker } = this.types;
    if (ts.isParenthesizedExpression(value)) return this.#checkCallback(value.expression, expected, place);
    if (ts.isConditionalExpression(value)) {
      this.#checkCallback(value.whenTrue, expected, place);
      return this.#checkCallback(value.whenFalse, expected, place);
    }
    // A bare type parameter keeps the function's own type for whoever gets it next.
    if (expected === undefined || expected.flags & ts.TypeFlags.TypeParameter) return;
    if (callSignatures(expected).length === 0 || this.types.returnsKernel(expected)) return;
    if (!this.types.returnsKernel(checker.getTypeAtLocation(value))) return;
    const isNamed = ts.isIdentifier(value) || ts.isPropertyAccessExpression(value);
    const name = isNamed ? value.getText(this.source) : 'a kernel function';
    const fault = 'where a plain function is expected, and would never run';
    this.#report(value, `${name} is given ${place} ${fault}: call it with yield*, in a loop if need be`);
  }

  #checkOverrides(node) {
    const bases = (node.heritageClauses ?? []).flatMap(({ types }) => types);
    for (const member of node.members) {
      if (member.name === undefined || bases.length === 0) continue;
      if (!this.types.returnsKernel(this.types.checker.getTypeAtLocation(member))) continue;
      const name = member.name.getText(this.source);
      const plain = bases.find((base) => this.#isPlain(base, name));
      if (plain === undefined) continue;
      const message = `${name} is a kernel function, but ${plain.getText(this.source)} says that it is a plain one: its callers won't star it`;
      this.#report(member.name, message);
    }
  }

  #isPlain(base, name) {
    const { checker } = this.types;
    const member = checker.getTypeAtLocation(base).getProperty(name);
    if (member === undefined) return false;
    const type = checker.getTypeOfSymbolAtLocation(member, base);
    return callSignatures(type).length > 0 && !this.types.returnsKernel(type);
  }
}

const ASSIGNMENTS = new Set([
  ts.SyntaxKind.EqualsToken,
  ts.SyntaxKind.QuestionQuestionEqualsToken,
  ts.SyntaxKind.BarBarEqualsToken,
  ts.SyntaxKind.AmpersandAmpersandEqualsToken,
]);

function isTypedInitializer(node) {
  const holds = ts.isVariableDeclaration(node) || ts.isPropertyDeclaration(node) || ts.isParameter(node);
  return holds && node.type !== undefined && node.initializer !== undefined;
}

/** Whether the value of `node` is, or may be, the value of the expression around it. */
function passesOn(node, parent) {
  if (ts.isParenthesizedExpression(parent) || ts.isNonNullExpression(parent)) return true;
  if (ts.isAsExpression(parent) || ts.isSatisfiesExpression(parent)) return true;
  if (ts.isConditionalExpression(parent)) return parent.condition !== node;
  if (!ts.isBinaryExpression(parent)) return false;
  switch (parent.operatorToken.kind) {
    case ts.SyntaxKind.QuestionQuestionToken:
      return true;
    case ts.SyntaxKind.CommaToken:
    case ts.SyntaxKind.BarBarToken:
    case ts.SyntaxKind.AmpersandAmpersandToken:
      return parent.right === node;
    default:
      return false;
  }
}

function enclosingFunction(node) {
  for (let at = node.parent; at !== undefined; at = at.parent) {
    if (ts.isFunctionLike(at)) return at;
    if (ts.isPropertyDeclaration(at) || ts.isClassStaticBlockDeclaration(at)) return undefined;
  }
  return undefined;
}

function calleeText(call) {
  const callee = ts.isTaggedTemplateExpression(call) ? call.tag : call.expression;
  const text = callee.getText().replace(/\s+/g, ' ');
  return text.length <= 60 ? text : `...${text.slice(-57)}`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { violations, calls, files } = inspect({ root: ROOT });
  for (const { file, line, column, message } of violations) console.log(`${file}:${line}:${column}: ${message}`);
  console.log(
    violations.length === 0
      ? `stars: ${calls} kernel calls in ${files} files, all of them run`
      : `stars: ${violations.length} of ${calls} kernel calls or uses are wrong`,
  );
  if (violations.length > 0) process.exitCode = 1;
}
