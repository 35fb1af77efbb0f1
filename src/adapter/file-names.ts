/** The files of a PEFT adapter, under the names that PEFT looks for. */
export const WEIGHTS_FILE = 'adapter_model.safetensors';
export const CONFIG_FILE = 'adapter_config.json';
/** Describes an adapter for people (a model card); not part of the adapter's content. */
export const CARD_FILE = 'README.md';
/** The largest model card that is read, for its license. */
export const MAX_CARD_BYTES = 1024 * 1024;
/** The report of a job, if it is exported together with the results. */
export const REPORT_FILE = 'report.json';

/**
 * Names that training libraries give to the weights file, in the order in which we look for them: PEFT
 * (peft/utils/constants.py), diffusers (loaders/lora_base.py), mlx-lm (tuner/utils.py).
 */
export const USUAL_WEIGHTS: readonly string[] = [
  'adapter_model.safetensors',
  'pytorch_lora_weights.safetensors',
  'adapters.safetensors',
];

/**
 * Names that weights files may have: anything that ends in .safetensors or .gguf, without slashes, backslashes or
 * control characters, so that it is a name and not a path. A regular expression for JSON Schema.
 */
export const WEIGHTS_NAME_PATTERN = '^[^/\\\\\\u0000-\\u001f\\u007f]{1,150}\\.(safetensors|gguf)$';
const WEIGHTS_NAME = new RegExp(WEIGHTS_NAME_PATTERN);

/** Extensions of files that torch.save and pickle write. */
const PICKLE_NAME = /\.(bin|pt|pth|ckpt|pkl|pickle)$/i;

export const isWeightsName = (name: string): boolean => WEIGHTS_NAME.test(name);

export const isPickleName = (name: string): boolean => PICKLE_NAME.test(name);

/**
 * The role of a file in an adapter. Every adapter has exactly one weights file, whatever its name in the format;
 * during an upload, before the format is known, it is called WEIGHTS_FILE.
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
 * Turns the name of a record into part of a file name that is valid on every system: every character other than an
 * ASCII letter, a digit, a dot, a hyphen or an underscore becomes a hyphen.
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
