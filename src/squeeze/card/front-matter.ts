import type { FormatName } from '../../adapter/format-name.ts';
import { yamlString } from './escape.ts';

/** An id of a repository on the Hub; a path or a URL there would be refused with the whole card. */
const HUB_ID = /^[A-Za-z0-9][\w.-]{0,95}(?:\/[A-Za-z0-9][\w.-]{0,95})?$/;

const LIBRARIES: Readonly<Partial<Record<FormatName, string>>> = {
  peft: 'peft',
  diffusers: 'diffusers',
  kohya: 'diffusers',
  mlx: 'mlx',
};

/**
 * Metadata of a card as the Hugging Face Hub reads it (https://huggingface.co/docs/hub/model-cards): YAML between two
 * lines of three hyphens.
 */
export function frontMatter(format: FormatName, baseModel: string | null, isMerge: boolean): string {
  const library = LIBRARIES[format];
  const isOnHub = baseModel !== null && HUB_ID.test(baseModel);
  return [
    '---',
    ...(isOnHub ? [`base_model: ${yamlString(baseModel)}`, 'base_model_relation: adapter'] : []),
    ...(library ? [`library_name: ${library}`] : []),
    'tags:',
    ...['lora', 'lora-squeeze', ...(isMerge ? ['merge'] : [])].map((tag) => `- ${tag}`),
    '---',
  ].join('\n');
}
