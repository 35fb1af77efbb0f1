import type { Format } from '../format.ts';
import { readGguf } from './read-gguf.ts';
import { GGUF_FILE, planGguf } from './write-gguf.ts';

/** A LoRA adapter of llama.cpp: one GGUF file with everything in it. */
export const GGUF: Format = {
  name: 'gguf',
  weightsName: GGUF_FILE,
  hasConfig: false,
  recognises: ({ gguf }) => gguf !== null,
  read: async ({ gguf }) => readGguf(gguf!),
  plan: planGguf,
};
