import { Type } from 'typebox';
import { WEIGHTS_NAME_PATTERN } from '../adapter/file-names.ts';

/** Fields that several sources and sinks share. */
export const Url = Type.String({
  minLength: 8,
  maxLength: 8192,
  pattern: '^https?://[!-\\[\\]-~]+$',
  description:
    'https, on port 443; other ports and http only for hosts that the operator allows. May be presigned.',
  examples: ['https://models.example.com/adapter_model.safetensors?signature=4f9a1c0e'],
});
export const Sha256 = Type.String({
  pattern: '^[0-9a-fA-F]{64}$',
  description: 'SHA-256 of the content, hex',
});
export const Token = Type.String({
  pattern: '^hf_[!-~]+$',
  maxLength: 512,
  description: 'Access token of the Hub; never shown again',
});
export const Revision = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._/-]*$',
  maxLength: 200,
  default: 'main',
  description: 'Branch, tag or commit',
});
export const RepositoryFolder = Type.String({
  pattern: '^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$',
  maxLength: 400,
  description: 'Folder in the repository; unset: its root',
});

export const WeightsName = Type.String({
  pattern: WEIGHTS_NAME_PATTERN,
  description:
    'Name of the weights file; unset: adapter_model.safetensors, pytorch_lora_weights.safetensors, ' +
    'adapters.safetensors, or else the only .safetensors or .gguf file',
  examples: ['my-lora.safetensors'],
});
