import type { PairKey } from '../pairs/collect-pairs.ts';

/** Attention processors of FLUX; some tools put the component before them. `down` is A, `up` is B. */
const FACTOR =
  /^((?:diffusion_model\.)?(?:double|single)_blocks\.(?:0|[1-9]\d*)\.processor\.(?:qkv|proj)_lora[12]?)\.(down|up)\.weight$/;

/** Reads the name of a tensor of XLabs' trainer (x-flux, src/flux/modules/layers.py, `LoRALinearLayer`). */
export function readXlabsKey(name: string): PairKey {
  const match = FACTOR.exec(name);
  if (match) {
    return { role: 'factor', module: match[1]!, factor: match[2] === 'down' ? 'a' : 'b', embedding: false };
  }
  // An alpha would be a scale that the trainer itself does not save: who wrote it means something we do not know.
  return { role: /lora|hada_|lokr_|oft_|\.alpha$/i.test(name) ? 'unknown-lora' : 'other' };
}
