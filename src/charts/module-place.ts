/** Where a module is in its model, as far as its name says. */
export interface ModulePlace {
  /** Everything up to the first number: `model.layers.11`; empty where there is none. */
  readonly layer: string;
  /** What follows: `self_attn.q_proj`. */
  readonly projection: string;
}

const NUMBERED = /^(.*?(?:^|[._])\d+)[._](.+)$/;

/** Splits `transformer.h.11.attn.c_attn` into `transformer.h.11` and `attn.c_attn`. */
export function modulePlace(name: string): ModulePlace {
  const found = NUMBERED.exec(name);
  return found ? { layer: found[1]!, projection: found[2]! } : { layer: '', projection: name };
}

/** Numbers in names in the order of numbers: layer 2 before layer 11. */
export const byNumbers = new Intl.Collator('en', { numeric: true }).compare;

/** Labels without what all of them begin with: `transformer.h.11` becomes `11`. */
export function withoutCommonStart(labels: readonly string[]): string[] {
  if (labels.length < 2) return labels.map((label) => /\d+$/.exec(label)?.[0] ?? label);
  const [first] = labels;
  let common = 0;
  while (common < first!.length && labels.every((label) => label[common] === first![common])) common++;
  // Whole parts only, so that 10 and 11 do not become 0 and 1.
  while (common > 0 && !/[._]/.test(first![common - 1]!)) common--;
  return labels.map((label) => label.slice(common));
}
