/** The labels of the page's fields for a target and a schedule, by the names that these have in the API. */
export const FIELD_LABELS = {
  profile: 'Serve with',
  format: 'Format',
  dtype: 'Number format',
  scale: 'Scaling',
  uniform: 'One rank for all modules',
  rank_pattern: 'Ranks by module',
  max_rank: 'Largest rank',
  architecture: 'Architecture of the base model',
  heads: 'Attention heads of the base model',
  kv_heads: 'Key and value heads',
  component: 'Part of the pipeline',
  base_model: 'Base model',
  source_rank: 'Rank at the start',
  target_rank: 'Rank at the end',
  total_steps: 'Steps of the training',
} as const;
type FieldName = keyof typeof FIELD_LABELS;

/** Names that are also ordinary words count only with a value: `format is "gguf"`, `uniform is false`. */
const NAMES =
  /\btargets\[(\d+)\]|\bformat_options\.(\w+)|\b(rank_pattern|max_rank|source_rank|target_rank|total_steps)\b|\b(profile|dtype|scale|uniform)(?= (?:is |to )?(?:"|true|false))/g;

/** The fields of the API that a message names, each with its label on the page. */
export function fieldsNamedIn(message: string): ReadonlyMap<string, string> {
  const named = new Map<string, string>();
  for (const [text, target, option, name, word] of message.matchAll(NAMES)) {
    const label = FIELD_LABELS[(option ?? name ?? word) as FieldName] as string | undefined;
    if (target !== undefined) named.set(text, `result ${Number(target) + 1}`);
    else if (label !== undefined) named.set(text, `“${label}”`);
  }
  return named;
}
