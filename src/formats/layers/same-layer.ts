import { fromLdmName, isLdmName } from './ldm-names.ts';

const KOHYA_UNET = /^(lora_unet_|lycoris_)(.+)$/;

/**
 * One name for a module, whichever names the trainer used: files of kohya have the layers of one UNet under the names of
 * the original implementation (input_blocks) or under those of diffusers (down_blocks).
 */
export function sameLayerName(module: string): string {
  const [, prefix, rest] = KOHYA_UNET.exec(module) ?? [];
  const name = rest !== undefined && isLdmName(rest) ? fromLdmName(rest) : null;
  return name === null ? module : `${prefix}${name}`;
}
