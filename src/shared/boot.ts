/**
 * What kernel modules declare outside any object: global locks and the like.
 *
 * Each worker runs the same declarations in the order of their names, so all find the same words.
 */
const declarations = new Map<string, () => void>();

/** Declares global words whenever a memory is attached. */
export function atBoot(name: string, declare: () => void): void {
  if (declarations.has(name)) throw new Error(`two boot declarations are called ${name}`);
  declarations.set(name, declare);
}

/** Runs all declarations; called when a memory has been attached. */
export function runBootDeclarations(): void {
  for (const name of [...declarations.keys()].sort()) (declarations.get(name) as () => void)();
}
