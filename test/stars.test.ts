import { test } from 'tap';

interface Violation {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}
interface StarCheck {
  checkStars(options?: { files: Record<string, string> }): Violation[];
}

const { checkStars }: StarCheck = await import(new URL('../../scripts/check-stars.mjs', import.meta.url).href);

/** What the planted sources are written with. */
const KIT = {
  'src/machine/kernel.ts': 'export type Kernel<T> = Iterable<Op, T, unknown>;\nexport type Op = number;\n',
  'src/kit.ts': `import type { Kernel } from './machine/kernel.ts';
export interface Lock { readonly word: number; hook?: () => Kernel<void>; }
export declare const lock: Lock;
export declare const fast: boolean;
export declare function load(word: number): Kernel<number>;
export declare function tryLock(lock: Lock): Kernel<boolean>;
export declare function store(word: number, value: number): Kernel<void>;
export declare function spawn(cpu: number, task: () => Kernel<void>): void;
export declare function start<T>(task: Kernel<T>): T;
export declare function startAll(...tasks: Kernel<void>[]): void;
export declare function same<T>(value: T): T;
export declare function later(callback: () => void): void;
`,
};
const IMPORTS = `import { fast, later, load, type Lock, lock, same, spawn, start, startAll, store, tryLock } from './kit.ts'; import type { Kernel } from './machine/kernel.ts';\n`;

/** A planted source and what the check must say of it, as \`line:column: message\`; line 1 is the first one planted. */
interface Planted {
  readonly title: string;
  readonly code: string;
  readonly expected: readonly string[];
}

const body = (statement: string): string => `export function* f(): Kernel<unknown> { ${statement} }`;
/** The column at which the statement of \`body\` starts. */
const AT = body('').length - 1;

const WRONG: readonly Planted[] = [
  {
    title: 'a call whose Kernel is dropped',
    code: body('store(1, 2);'),
    expected: [`1:${AT}: store() does nothing without a star: write yield* store(...)`],
  },
  {
    title: 'a dropped call in a plain function',
    code: 'export function g(): void {\n  store(1, 2);\n}',
    expected: ['2:3: store() does nothing without a star: write yield* store(...) in a function* that returns Kernel'],
  },
  {
    title: 'void in front of a call',
    code: body('void store(1, 2);'),
    expected: [`1:${AT + 5}: store() does nothing without a star: write yield* store(...)`],
  },
  {
    title: 'an unrun call as a condition',
    code: body('if (tryLock(lock)) return 1;'),
    expected: [`1:${AT + 4}: tryLock() is used unrun, as a value: write yield* tryLock(...)`],
  },
  {
    title: 'an unrun call as a negated loop condition',
    code: body('while (!tryLock(lock));'),
    expected: [`1:${AT + 8}: tryLock() is used unrun, as a value: write yield* tryLock(...)`],
  },
  {
    title: 'an unrun call kept in a constant, with or without its type',
    code: 'export function* f(): Kernel<void> {\n  const v = load(1);\n  const k: Kernel<void> = store(1, 2);\n}',
    expected: [
      '2:13: load() is used unrun, as a value: write yield* load(...)',
      '3:27: store() is used unrun, as a value: write yield* store(...)',
    ],
  },
  {
    title: 'yield without its star',
    code: body('yield store(1, 2) as never;'),
    expected: [
      `1:${AT + 6}: store() is yielded without a star, which announces it and never runs it: write yield* store(...)`,
    ],
  },
  {
    title: 'await',
    code: 'export async function g(): Promise<void> {\n  await store(1, 2);\n}',
    expected: [
      "2:9: store() is awaited, which doesn't run it: write yield* store(...) in a function* that returns Kernel",
    ],
  },
  {
    title: 'a call inside a template and one as a tag',
    code: `declare function tag(s: TemplateStringsArray): Kernel<void>;\n${body(`return \`\${load(1)}\` + tag\`x\`;`)}`,
    expected: [
      `2:${AT + 10}: load() is used unrun, as a value: write yield* load(...)`,
      `2:${AT + 22}: tag() is used unrun, as a value: write yield* tag(...)`,
    ],
  },
  {
    title: 'arithmetic and comparison with an unrun call',
    code: body('return load(1) === (yield* load(2));'),
    expected: [`1:${AT + 7}: load() is used unrun, as a value: write yield* load(...)`],
  },
  {
    title: 'the condition of a conditional expression and the left side of ||',
    code: 'export function* f(): Kernel<void> {\n  yield* tryLock(lock) ? store(1, 2) : store(1, 3);\n  yield* (load(1) || load(2));\n}',
    expected: [
      '2:10: tryLock() is used unrun, as a value: write yield* tryLock(...)',
      '3:11: load() is used unrun, as a value: write yield* load(...)',
    ],
  },
  {
    title: "a comma's first operand",
    code: body('yield* (store(1, 2), store(1, 3));'),
    expected: [`1:${AT + 8}: store() is used unrun, as a value: write yield* store(...)`],
  },
  {
    title: 'a kernel call returned from a generator, from a plain function and from a promise',
    code: `export function* f(): Kernel<unknown> {
  return load(1);
}
export function g(): unknown {
  return load(1);
}
export const h = async () => load(1);`,
    expected: [
      "2:10: load() is returned unrun from a function that doesn't give its callers a Kernel: write yield* load(...)",
      "5:10: load() is returned unrun from a function that doesn't give its callers a Kernel: write yield* load(...) in a function* that returns Kernel",
      "7:30: load() is returned unrun from a function that doesn't give its callers a Kernel: write yield* load(...) in a function* that returns Kernel",
    ],
  },
  {
    title: 'a call handed to a parameter that takes anything',
    code: body('console.log(load(1)); same(load(2)); yield* [load(3)];'),
    expected: [
      `1:${AT + 12}: load() is handed unrun to console.log(), which doesn't take a Kernel: write yield* load(...)`,
      // What same() gives is a Kernel too, and dropped.
      `1:${AT + 22}: same() does nothing without a star: write yield* same(...)`,
      `1:${AT + 27}: load() is handed unrun to same(), which doesn't take a Kernel: write yield* load(...)`,
      `1:${AT + 45}: load() is used unrun, as a value: write yield* load(...)`,
    ],
  },
  {
    title: 'an optional call and one through a member',
    code: 'export function* f(ops: { load(word: number): Kernel<number> }): Kernel<void> {\n  lock.hook?.();\n  ops.load(1);\n}',
    expected: [
      '2:3: lock.hook() does nothing without a star: write yield* lock.hook(...)',
      '3:3: ops.load() does nothing without a star: write yield* ops.load(...)',
    ],
  },
  {
    title: 'a kernel function as a plain callback',
    code: `export function* f(list: number[]): Kernel<void> {
  list.forEach(load);
  list.map((word) => load(word));
  later(function* (): Kernel<void> {});
  later(fast ? lock.hook! : () => {});
}`,
    expected: [
      '2:16: load is given to list.forEach() where a plain function is expected, and would never run: call it with yield*, in a loop if need be',
      '3:12: a kernel function is given to list.map() where a plain function is expected, and would never run: call it with yield*, in a loop if need be',
      '4:9: a kernel function is given to later() where a plain function is expected, and would never run: call it with yield*, in a loop if need be',
      '5:16: a kernel function is given to later() where a plain function is expected, and would never run: call it with yield*, in a loop if need be',
    ],
  },
  {
    title: 'a kernel function in a variable, property or element that is declared plain',
    code: `interface Hooks { done(): void; more?: () => void }
declare function task(): Kernel<void>;
export const plain: () => void = task;
export const hooks: Hooks = { done: task, *more(): Kernel<void> {} };
export const list: (() => void)[] = [task];
export function give(): () => unknown { return task; }
hooks.done = task;
export class Timer implements Hooks { *done(): Kernel<void> {} }`,
    expected: [
      '3:34: task is given here where a plain function is expected, and would never run: call it with yield*, in a loop if need be',
      '4:37: task is given as done where a plain function is expected, and would never run: call it with yield*, in a loop if need be',
      '4:44: more is given as more where a plain function is expected, and would never run: call it with yield*, in a loop if need be',
      '5:38: task is given here where a plain function is expected, and would never run: call it with yield*, in a loop if need be',
      '6:48: task is given here where a plain function is expected, and would never run: call it with yield*, in a loop if need be',
      '7:14: task is given here where a plain function is expected, and would never run: call it with yield*, in a loop if need be',
      "8:40: done is a kernel function, but Hooks says that it is a plain one: its callers won't star it",
    ],
  },
  {
    title: 'a generator that stars kernel calls without returning Kernel',
    code: `export function* f() { yield* load(1); yield* load(2); }
export function* g(): Generator<number, void, unknown> { yield* store(1, 2); }
export const h = function* () { yield* load(1); };`,
    expected: [
      "1:18: f makes kernel calls but doesn't say so: write its return type, Kernel<...>",
      "2:18: g makes kernel calls but doesn't say so: write its return type, Kernel<...>",
      "3:18: this function* makes kernel calls but doesn't say so: write its return type, Kernel<...>",
    ],
  },
];

const RIGHT: readonly Omit<Planted, 'expected'>[] = [
  {
    title: 'a starred call',
    code: body('if (yield* tryLock(lock)) yield* store(1, yield* load(2)); return yield* load(3);'),
  },
  {
    title: 'a starred conditional, parenthesis, comma, ?? and the right side of ||',
    code: body(
      'yield* fast ? store(1, 2) : (store(1, 3)); yield* (fast, load(1)); yield* (lock.hook?.() ?? store(1, 2));',
    ),
  },
  {
    title: 'a kernel call returned from a function that returns Kernel',
    code: `export function g(): Kernel<number> { return fast ? load(1) : load(2); }
export const h = (word: number): Kernel<number> => load(word);
export const i = (word: number) => load(word);
export class Word { get(): Kernel<number> { return load(1); } }`,
  },
  {
    title: 'a kernel call handed to a parameter of type Kernel',
    code: 'start(load(1)); startAll(store(1, 2), fast ? store(1, 3) : store(1, 4)); export function g(k: Kernel<void>): void { start(k); }',
  },
  {
    title: 'a kernel function handed on as one',
    code: `spawn(0, () => store(1, 2));
spawn(0, function* () { yield* store(1, 2); });
interface Target { map(): Kernel<void>; end?: () => Kernel<void>; name: string }
export const target: Target = { name: 'x', *map() { yield* store(1, 2); }, end: () => store(1, 2) };
export const byName = new Map([['load', load]]);
export const kept = same(load);
export class Linear implements Target { name = 'y'; *map(): Kernel<void> {} }`,
  },
  {
    title: 'plain functions and generators',
    code: 'export function* g() { yield 1; }\nlater(() => {}); [1].forEach((n) => n + 1); for (const n of g()) same(n);',
  },
  {
    title: 'a primitive that makes its Kernel itself',
    code: 'export class Done implements Kernel<void> { [Symbol.iterator](): Iterator<number, void> { return { next: () => ({ done: true, value: undefined }) }; } }\nconst DONE: Kernel<void> = new Done();\nexport function relax(): Kernel<void> { return DONE; }',
  },
];

const planted: Planted[] = [...WRONG, ...RIGHT.map((right) => ({ ...right, expected: [] }))];
const fileOf = (k: number): string => `src/planted-${k}.ts`;
const found = checkStars({
  files: { ...KIT, ...Object.fromEntries(planted.map(({ code }, k) => [fileOf(k), IMPORTS + code])) },
});

planted.forEach(({ title, expected }, k) => {
  test(`${title} ${expected.length > 0 ? 'fails' : 'passes'}`, async (t) => {
    const lines = found.filter(({ file }) => file === fileOf(k));
    // The imports stand on a line of their own above what is planted.
    t.strictSame(
      lines.map(({ line, column, message }) => `${line - 1}:${column}: ${message}`),
      expected,
    );
  });
});

test('nothing is said of what the planted sources are written with', async (t) => {
  t.strictSame(
    found.filter(({ file }) => file in KIT),
    [],
  );
});

test('every kernel call of this project has its star', async (t) => {
  t.strictSame(checkStars(), []);
});
