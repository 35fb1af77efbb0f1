import type { FormatName } from '../../adapter/format-name.ts';
import { yamlString } from './escape.ts';

const LIBRARIES: Readonly<Partial<Record<FormatName, string>>> = {
  peft: 'peft',
  diffusers: 'diffusers',
  kohya: 'diffusers',
  mlx: 'mlx',
};

/**
 * Metadata of a card as the Hugging Face Hub reads it (https://huggingface.co/docs/hub/model-cards): YAML between two
 * lines of three hyphens.
 * @param hubBase id of the base model on the Hub
 */
export function frontMatter(format: FormatName, hubBase: string | null, isMerge: boolean): string {
  const library = LIBRARIES[format];
  return [
    '---',
    ...(hubBase === null ? [] : [`base_model: ${yamlString(hubBase)}`, 'base_model_relation: adapter']),
    ...(library ? [`library_name: ${library}`] : []),
    'tags:',
    ...['lora', 'lora-squeeze', ...(isMerge ? ['merge'] : [])].map((tag) => `- ${tag}`),
    '---',
  ].join('\n');
}
