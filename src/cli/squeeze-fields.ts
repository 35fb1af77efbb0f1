import { SqueezeOptions } from '../contract/job-request.ts';
import {
  BUDGETS,
  FormatOptions,
  KOHYA_METHODS,
  POLICIES,
  type PolicyName,
  type Target,
  TargetFields,
} from '../contract/target.ts';
import type { Arguments, Option, OptionGroup } from './command.ts';
import { UsageError } from './command-error.ts';
import { type FieldSchema, fieldValue } from './field-value.ts';

type FieldsOf<T> = T extends unknown ? keyof T : never;
type TargetField = FieldsOf<Target>;
type SharedField = Exclude<TargetField, PolicyName | 'format_options' | 'results'>;
type Help = Omit<Option, 'name' | 'schema'>;

/** Help for every field of a target, in the order of the help; a missing field does not compile. */
const POLICY_HELP: Readonly<Record<PolicyName, Help>> = {
  rank: {
    value: 'N',
    multiple: true,
    help: 'The rank to reach, or several for one result each. Modules of a smaller rank stay as they are.',
  },
  energy: { value: 'SHARE', help: 'The smallest rank that keeps this share of Σσ².' },
  ratio: { value: 'X', help: 'Keep the singular values above σ₁ / X.' },
  cumulative: { value: 'SHARE', help: 'The smallest rank that keeps this share of Σσ.' },
  knee: { help: 'The rank at the knee of the spectrum.' },
  tolerance: { value: 'ERROR', help: 'The smallest rank within this relative error in every module.' },
  budget_bytes: { value: 'N', help: 'At most this many bytes of factors, spent where they help most.' },
  budget_parameters: { value: 'N', help: 'At most this many parameters, spent where they help most.' },
  rank_pattern: {
    value: 'PATTERN=N',
    multiple: true,
    help: 'Rank of the modules with this name or pattern, matched as in PEFT; may be repeated.',
  },
};

const SHARED_HELP: Readonly<Record<SharedField, Help>> = {
  format: {
    value: 'NAME',
    help: 'The format of the result; default: that of the source. Without a policy, ranks stay unchanged.',
  },
  profile: {
    value: 'NAME',
    help:
      'The server that must load the result, such as vllm; without a policy, the rank is the largest that ' +
      'it loads.',
  },
  min_rank: { value: 'N', help: 'Smallest rank of each module, up to its own rank.' },
  max_rank: { value: 'N', help: 'Largest rank of each module.' },
  uniform: { help: 'One rank for all modules; --no-uniform gives each module its own rank.' },
  criterion: {
    value: 'NAME',
    help: 'With a budget: keep the errors of the individual modules small (relative, the default) or that of the whole adapter (energy).',
  },
  compat: {
    value: 'NAME',
    help: 'With energy, ratio or cumulative: kohya gives the ranks that resize_lora.py of kohya would choose.',
  },
  scale: {
    value: 'MODE',
    help:
      'What happens to the scaling: fold multiplies it into the factors (the default), keep keeps it, sqrt ' +
      'increases it as the rank falls.',
  },
  split: { value: 'SIDE', help: 'Which factor gets the singular values; default balanced.' },
  dtype: { value: 'TYPE', help: 'dtype of the factors; default match (that of the source).' },
  strip: {
    value: 'WHAT',
    multiple: true,
    help: 'Drop heads, embeddings, base_layers, biases or other; may be repeated.',
  },
  cast: { value: 'TYPE', help: 'dtype of the tensors that are carried over; default unchanged.' },
  revive: { help: 'For further training: new random directions if a module has none left.' },
  projections: { help: 'For further training: also write projections.safetensors.' },
};

/** The fields of format_options. */
const FORMAT_HELP: Readonly<Record<keyof FormatOptions, Help>> = {
  component: { value: 'PART', help: 'The part of a diffusion pipeline to which the adapter belongs.' },
  architecture: { value: 'NAME', help: 'GGUF: the architecture of the base model, such as qwen2.' },
  heads: {
    value: 'N',
    help: 'GGUF, architectures llama (also Mistral), granite and smollm3: attention heads of the base model.',
  },
  kv_heads: {
    value: 'N',
    help: 'GGUF, the same architectures: key and value heads; default: the same as --heads.',
  },
  base_model: { value: 'NAME', help: 'PEFT, MLX: the base model, if the source does not name it.' },
};

const METHOD_HELP: Readonly<Record<keyof SqueezeOptions, Help>> = {
  method: { value: 'METHOD', help: 'Randomised (rsvd) or exact SVD; default rsvd.' },
  oversampling: { value: 'N', help: 'Extra columns of the sketch; default 10.' },
  power_iterations: { value: 'N', help: 'Power iterations of the sketch; default auto.' },
  seed: { value: 'N', help: 'Seed of the sketch; default 0.' },
};

/** The limit of the API. */
const MAX_TARGETS = 16;

const FORMAT_SCHEMAS = FormatOptions.properties as Readonly<Record<string, FieldSchema>>;
const METHOD_SCHEMAS = SqueezeOptions.properties as Readonly<Record<string, FieldSchema>>;
const TARGET_SCHEMAS = TargetFields.properties as Readonly<Record<string, FieldSchema>>;

export const optionName = (field: string): string => field.replaceAll('_', '-');

function optionsOf(
  helps: Readonly<Record<string, Help>>,
  schemas: Readonly<Record<string, FieldSchema>>,
): Option[] {
  return Object.entries(helps).map(([field, help]) => ({
    name: optionName(field),
    ...help,
    ...(help.value === undefined || (help.multiple && field !== 'rank') ? {} : { schema: schemas[field]! }),
  }));
}

export const TARGET_GROUPS: readonly OptionGroup[] = [
  { title: 'Rank, one of', options: optionsOf(POLICY_HELP, TARGET_SCHEMAS) },
  { title: 'Result', options: optionsOf(SHARED_HELP, TARGET_SCHEMAS) },
  { title: 'Conversion', options: optionsOf(FORMAT_HELP, FORMAT_SCHEMAS) },
  { title: 'Method', options: optionsOf(METHOD_HELP, METHOD_SCHEMAS) },
];

/**
 * The targets that the options request: one, or one for each of several ranks.
 * @throws UsageError for no policy or several, or for a value that a field cannot have
 */
export function readTargets(values: Arguments['values']): Target[] {
  const ranks = values.rank as readonly string[] | undefined;
  if (ranks === undefined) return [readTarget(values)];
  const targets = ranks.map((rank) => readTarget({ ...values, rank }));
  const twice = ranks.find((rank, index) => ranks.indexOf(rank) !== index);
  if (twice !== undefined) throw new UsageError(`--rank ${twice} is given twice`);
  if (targets.length > MAX_TARGETS)
    throw new UsageError(`--rank is given ${targets.length} times; the limit is ${MAX_TARGETS}`);
  return targets;
}

function readTarget(values: Arguments['values']): Target {
  const target = {
    ...fieldsIn(values, POLICY_HELP, TARGET_SCHEMAS),
    ...fieldsIn(values, SHARED_HELP, TARGET_SCHEMAS),
    ...formatOptions(values),
  };
  const named = POLICIES.filter((policy) => policy in target).map((policy) => `--${optionName(policy)}`);
  if (named.length > 1) throw new UsageError(`${named.join(' and ')} cannot be used together`);
  if (named.length === 0 && !('profile' in target) && !('format' in target)) {
    const all = POLICIES.map((policy) => `--${optionName(policy)}`);
    throw new UsageError(`choose the rank with one of ${all.join(', ')}, --profile or --format`);
  }
  for (const [option, policies] of Object.entries({ criterion: BUDGETS, compat: KOHYA_METHODS })) {
    if (!(option in target) || policies.some((policy) => policy in target)) continue;
    const named = policies.map((policy) => `--${optionName(policy)}`);
    throw new UsageError(`--${option} can only be used with ${named.join(' or ')}`);
  }
  return target as Target;
}

function formatOptions(values: Arguments['values']): { format_options?: FormatOptions } {
  const options = fieldsIn(values, FORMAT_HELP, FORMAT_SCHEMAS);
  return Object.keys(options).length > 0 ? { format_options: options as FormatOptions } : {};
}

/** @returns undefined if no option of the method was given */
export function readMethod(values: Arguments['values']): SqueezeOptions | undefined {
  const options = fieldsIn(values, METHOD_HELP, METHOD_SCHEMAS);
  return Object.keys(options).length > 0 ? (options as SqueezeOptions) : undefined;
}

function fieldsIn(
  values: Arguments['values'],
  helps: Readonly<Record<string, Help>>,
  schemas: Readonly<Record<string, FieldSchema>>,
): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const field of Object.keys(helps)) {
    const value = values[optionName(field)];
    if (value === undefined) continue;
    if (typeof value === 'string')
      fields[field] = fieldValue(`--${optionName(field)}`, value, schemas[field]!);
    else if (typeof value !== 'boolean')
      fields[field] = severalOf(`--${optionName(field)}`, value as readonly string[], schemas[field]!);
    // --no-knee sets the flag to false, which chooses no policy.
    else if (field !== 'knee' || value) fields[field] = value;
  }
  return fields;
}

/** The value of an option that may be repeated: a list if the schema has one, otherwise a pattern. */
function severalOf(
  option: string,
  given: readonly string[],
  { items }: FieldSchema,
): string[] | Record<string, number> {
  return items ? given.map((text) => fieldValue(option, text, items) as string) : patternOf(given);
}

/** Entries PATTERN=N. A pattern may contain "=", so the last one separates it from the rank. */
function patternOf(entries: readonly string[]): Record<string, number> {
  const schema = TargetFields.properties.rank as FieldSchema;
  const pattern = new Map<string, number>();
  for (const entry of entries) {
    const at = entry.lastIndexOf('=');
    const name = entry.slice(0, Math.max(at, 0));
    if (name === '') throw new UsageError(`--rank-pattern is ${JSON.stringify(entry)} but must be PATTERN=N`);
    if (pattern.has(name)) throw new UsageError(`--rank-pattern contains ${JSON.stringify(name)} twice`);
    pattern.set(name, fieldValue(`--rank-pattern ${name}`, entry.slice(at + 1), schema) as number);
  }
  return Object.fromEntries(pattern);
}
