/** The files of a PEFT adapter, under the names that PEFT looks for. */
export const WEIGHTS_FILE = 'adapter_model.safetensors';
export const CONFIG_FILE = 'adapter_config.json';
/** Describes an adapter for people (a model card); not part of its content. */
export const CARD_FILE = 'README.md';
/** The report of a job, if it is delivered with its results. */
export const REPORT_FILE = 'report.json';

/**
 * Names that training libraries give the weights file, in the order in which they are looked for: PEFT
 * (peft/utils/constants.py), diffusers (loaders/lora_base.py), mlx-lm (tuner/utils.py).
 */
export const USUAL_WEIGHTS: readonly string[] = [
  'adapter_model.safetensors',
  'pytorch_lora_weights.safetensors',
  'adapters.safetensors',
];

/**
 * Names of weights files as people have them: anything that ends in .safetensors or .gguf. No slashes, backslashes
 * or control characters: a name and no path. A regular expression for JSON Schema.
 */
export const WEIGHTS_NAME_PATTERN = '^[^/\\\\\\u0000-\\u001f\\u007f]{1,150}\\.(safetensors|gguf)$';
const WEIGHTS_NAME = new RegExp(WEIGHTS_NAME_PATTERN);

/** What torch.save and pickle write, by the names they are given. */
const PICKLE_NAME = /\.(bin|pt|pth|ckpt|pkl|pickle)$/i;

export const isWeightsName = (name: string): boolean => WEIGHTS_NAME.test(name);

export const isPickleName = (name: string): boolean => PICKLE_NAME.test(name);

/**
 * What a file is to an adapter. Each has weights, one file of them, whatever that is called in its format; an upload
 * that is still to be understood calls it WEIGHTS_FILE.
 */
export type FileRole = 'weights' | 'config' | 'card' | 'report';

export const roleOf = (name: string): FileRole => ROLES.get(name) ?? 'weights';

const ROLES: ReadonlyMap<string, FileRole> = new Map([
  [CONFIG_FILE, 'config'],
  [CARD_FILE, 'card'],
  [REPORT_FILE, 'report'],
]);

const MAX_NAME_CHARACTERS = 100;

/**
 * What a record is called as a part of a file's name, on every system: everything but letters of ASCII, digits, dots,
 * hyphens and underscores becomes a hyphen.
 */
export function asFileName(name: string): string {
  const safe = name
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
    .slice(0, MAX_NAME_CHARACTERS);
  return safe === '' ? 'adapter' : safe;
}
