/** The files of a PEFT adapter, under the names that PEFT looks for. */
export const WEIGHTS_FILE = 'adapter_model.safetensors';
export const CONFIG_FILE = 'adapter_config.json';
