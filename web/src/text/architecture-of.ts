/** Families of models whose architecture has another name. */
const FAMILIES: readonly (readonly [family: string, architecture: string])[] = [
  ['tinyllama', 'llama'],
  ['mistral', 'llama'],
  ['vicuna', 'llama'],
  ['smollm3', 'smollm3'],
  ['smollm', 'llama'],
  ['distilgpt2', 'gpt2'],
  ['qwen15', 'qwen2'],
  ['qwen25', 'qwen2'],
  ['phi35', 'phi3'],
  ['phi4', 'phi3'],
  ['phi15', 'phi2'],
  ['commandr', 'command-r'],
];
const bare = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');

/**
 * The architecture that the name of a base model indicates, by its name in llama.cpp.
 * @param architectures the architectures to choose from
 * @returns empty if the name does not indicate one
 */
export function architectureOf(baseModel: string | null, architectures: readonly string[]): string {
  const name = bare((baseModel ?? '').replace(/^.*\//, ''));
  const known = architectures.map((one) => [bare(one), one] as const);
  const found = [...FAMILIES, ...known]
    .filter(([family, architecture]) => name.includes(family) && architectures.includes(architecture))
    .sort(([a], [b]) => b.length - a.length);
  return found[0]?.[1] ?? '';
}
