import type { PairKey } from '../pairs/collect-pairs.ts';

/** `<model>:<position>:up` or `down`; the position counts the layers that were adapted. `down` is A, `up` is B. */
const FACTOR = /^([^:.]+:(?:0|[1-9]\d*)):(up|down)$/;

/** Reads the name of a tensor of cloneofsimo/lora (lora_diffusion/lora.py, `save_safeloras_with_embeds`). */
export function readCloneofsimoKey(name: string): PairKey {
  const match = FACTOR.exec(name);
  if (match) {
    return { role: 'factor', module: match[1]!, factor: match[2] === 'down' ? 'a' : 'b', embedding: false };
  }
  const isUnknown = /:\d+:|\.lora_|_lora\.|hada_|lokr_|oft_/.test(name);
  return { role: isUnknown ? 'unknown-lora' : 'other' };
}

/** The metadata key that holds the rank of the module whose factor this is. */
export function rankKeyOf(factorName: string): string {
  const match = FACTOR.exec(factorName);
  if (!match) throw new RangeError(`"${factorName}" is no factor of a file of cloneofsimo/lora`);
  return `${match[1]}:rank`;
}
