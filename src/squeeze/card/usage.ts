import type { FormatName } from '../../adapter/format-name.ts';
import { yamlString } from './escape.ts';

const BASE = '<base model>';

/**
 * How to load a result, in a language and two lines. "." is the folder of the result.
 * @param hubBase id of the base model on the Hub
 * @param weightsName name of its file of weights
 */
export function usage(
  format: FormatName,
  hubBase: string | null,
  weightsName: string,
): { readonly language: string; readonly lines: readonly [string, string] } {
  const python = (...lines: [string, string]) => ({ language: 'python', lines });
  // A string of JSON is one of Python, and of a shell but for what "$", "`" and "!" do there.
  const base = yamlString(hubBase ?? BASE);
  const weights = yamlString(weightsName);
  switch (format) {
    case 'peft':
      return python(
        `base = transformers.AutoModelForCausalLM.from_pretrained(${base})  # or the class it was trained with`,
        'model = peft.PeftModel.from_pretrained(base, ".")',
      );
    case 'mlx':
      return python('import mlx_lm', `model, tokenizer = mlx_lm.load(${base}, adapter_path=".")`);
    case 'gguf':
      return {
        language: 'sh',
        lines: ['# base.gguf is the base model', `llama-cli -m base.gguf --lora ${shell(weightsName)}`],
      };
    default:
      return python(
        `pipeline = diffusers.DiffusionPipeline.from_pretrained(${base})`,
        `pipeline.load_lora_weights(".", weight_name=${weights})`,
      );
  }
}

const shell = (text: string): string => `'${text.replace(/\p{Cc}/gu, ' ').replaceAll("'", `'\\''`)}'`;
