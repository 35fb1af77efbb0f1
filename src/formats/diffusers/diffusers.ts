import type { SafetensorsHeader } from '../../safetensors/header.ts';
import type { Format } from '../format.ts';
import { formatOfName } from '../pairs/foreign-tensors.ts';
import { ADAPTER_METADATA } from './adapter-metadata.ts';
import { readDiffusers } from './read-diffusers.ts';
import { readFactorName } from './tensor-keys.ts';
import { DIFFUSERS_WEIGHTS, planDiffusersOutput } from './write-diffusers.ts';

/** First parts of paths that only models of diffusers have. */
const MODEL_PARTS = /^(?:down_blocks|mid_block|up_blocks|transformer_blocks|single_transformer_blocks)\./;

/** The layers of Wan in its authors' names: DiffSynth-Studio saves them without a component, for a scale of 1 (GeneralLoRALoader). */
const WAN = /^blocks\.\d+\.(?:(?:self|cross)_attn\.(?:[qkvo]|[kv]_img)|ffn\.[02])$/;

/** "transformer" is also what GPT-2, Falcon, BLOOM and ChatGLM call their layers. */
const LANGUAGE_MODEL = /^(?:h|encoder|wte|word_embeddings|embedding)\./;

/** What diffusers' save_lora_weights writes, in its three generations of names, and ai-toolkit's files. */
export const DIFFUSERS: Format = {
  name: 'diffusers',
  weightsName: DIFFUSERS_WEIGHTS,
  hasConfig: false,
  recognises: ({ header, configBytes }) => configBytes === null && header !== null && isDiffusers(header),
  read: async ({ header, readTensor }) => ({
    adapter: await readDiffusers({ header: header!, readTensor }),
    staging: null,
  }),
  plan: planDiffusersOutput,
};

/**
 * Whether a file is of diffusers or ai-toolkit. Names of PEFT count only after a component of a pipeline, in a part
 * of an image or video model, or with diffusers' metadata. Otherwise the file is PEFT's without its configuration, and its scale is unknown.
 */
function isDiffusers({ tensors, metadata }: SafetensorsHeader): boolean {
  return tensors.some(({ name }) => {
    const format = formatOfName(name);
    const factor = format === 'diffusers' || format === undefined ? readFactorName(name) : undefined;
    if (!factor) return false;
    const { component, path, style } = factor;
    if (style !== 'peft' || metadata.has(ADAPTER_METADATA)) return true;
    if (component === '') return MODEL_PARTS.test(path) || WAN.test(path);
    return component !== 'transformer' || !LANGUAGE_MODEL.test(path);
  });
}
