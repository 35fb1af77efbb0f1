/** The files of a PEFT adapter, under the names that PEFT looks for. */
export const WEIGHTS_FILE = 'adapter_model.safetensors';
export const CONFIG_FILE = 'adapter_config.json';
/** What tells people about an adapter (a model card); no part of what it is. */
export const CARD_FILE = 'README.md';

/**
 * What a file is to an adapter. Each has weights, one file of them, whatever that is called in its format; an upload
 * that is still to be understood calls it WEIGHTS_FILE.
 */
export type FileRole = 'weights' | 'config' | 'card';

export const roleOf = (name: string): FileRole =>
  name === CONFIG_FILE ? 'config' : name === CARD_FILE ? 'card' : 'weights';
