/** Entries of rank_pattern or alpha_pattern in the order of the file; the first that applies to a module wins. */
export type PatternEntries = readonly (readonly [key: string, value: number])[];

/** Above this many comparisons, keys are always anchored. */
const MAX_COMPARISONS = 4_000_000;

/**
 * The entries that give every module its value. Modules with the default value need none.
 *
 * Keys are full module paths. PEFT reads a key as an expression that also applies to longer names ending in it, and "."
 * as any character, so a path could match another module. Longer keys come first, which decides between suffixes; if a module
 * would still get a wrong value, all modules get exact keys (`^` and escapes) instead. Plain paths are preferred, because older
 * releases of PEFT and other readers compare keys literally.
 */
export function patternEntries(
  modules: readonly { readonly name: string; readonly value: number }[],
  defaultValue: number,
): PatternEntries {
  const special = modules.filter(({ value }) => value !== defaultValue);
  const plain = [...special].sort((x, y) => y.name.length - x.name.length || (x.name < y.name ? -1 : 1));
  const isCheap = plain.length * modules.length <= MAX_COMPARISONS;
  const isRight = (module: { readonly name: string; readonly value: number }): boolean => {
    const first = plain.find((entry) => applies(entry.name, module.name));
    return (first?.value ?? defaultValue) === module.value;
  };
  const isPlain = isCheap && plain.every(({ name }) => PLAIN.test(name)) && modules.every(isRight);
  if (isPlain) return plain.map(({ name, value }) => [name, value]);
  return special.map(({ name, value }) => [`^${name.replace(SPECIAL, '\\$&')}`, value]);
}

/** Paths without characters that mean something in an expression, "." aside. */
const PLAIN = /^[^\\^$*+?()[\]{}|]+$/;
const SPECIAL = /[\\^$.*+?()[\]{}|]/g;

/** Whether PEFT applies the key (a path, its dots standing for any character) to the module. */
function applies(key: string, module: string): boolean {
  const start = module.length - key.length;
  if (start < 0 || (start > 0 && module[start - 1] !== '.')) return false;
  for (let at = 0; at < key.length; at += 1) {
    if (key[at] !== module[start + at] && key[at] !== '.') return false;
  }
  return true;
}
