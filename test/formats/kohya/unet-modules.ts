/** A layer of a UNet: its path in diffusers, its kind, and its channels. */
export interface UnetModule {
  readonly path: string;
  /** [] for a linear layer. */
  readonly kernel: readonly number[];
  readonly channels: { readonly in: number; readonly out: number };
}

const CONV_1X1 = [1, 1];
const CONV_3X3 = [3, 3];

/**
 * All convolutions and linear layers of UNet2DConditionModel with the configuration of Stable Diffusion 1.5
 * or 2 (diffusers, unet_2d_condition.py and unet_2d_blocks.py: two resnets in each of four blocks down, three
 * up, attention in all but the last and first), listed layer by layer and sharing no code with src/.
 * @param width channels of the first block: 320 in the models
 * @param text width of the text encoder: 768 in 1.5, 1024 in 2
 * @param isLinear whether proj_in and proj_out are linear layers (use_linear_projection): in 2
 */
export function unetModules(width: number, text: number, isLinear: boolean): UnetModule[] {
  const modules: UnetModule[] = [];
  const layer = (path: string, kernel: readonly number[], inputs: number, outputs: number): void => {
    modules.push({ path, kernel, channels: { in: inputs, out: outputs } });
  };
  const time = 4 * width;
  const resnet = (path: string, inputs: number, outputs: number): void => {
    layer(`${path}.conv1`, CONV_3X3, inputs, outputs);
    layer(`${path}.time_emb_proj`, [], time, outputs);
    layer(`${path}.conv2`, CONV_3X3, outputs, outputs);
    if (inputs !== outputs) layer(`${path}.conv_shortcut`, CONV_1X1, inputs, outputs);
  };
  const attention = (path: string, size: number): void => {
    const block = `${path}.transformer_blocks.0`;
    layer(`${path}.proj_in`, isLinear ? [] : CONV_1X1, size, size);
    for (const [name, inner] of [
      ['attn1', size],
      ['attn2', text],
    ] as const) {
      layer(`${block}.${name}.to_q`, [], size, size);
      layer(`${block}.${name}.to_k`, [], inner, size);
      layer(`${block}.${name}.to_v`, [], inner, size);
      layer(`${block}.${name}.to_out.0`, [], size, size);
    }
    layer(`${block}.ff.net.0.proj`, [], size, 8 * size);
    layer(`${block}.ff.net.2`, [], 4 * size, size);
    layer(`${path}.proj_out`, isLinear ? [] : CONV_1X1, size, size);
  };

  layer('conv_in', CONV_3X3, 4, width);
  layer('time_embedding.linear_1', [], width, time);
  layer('time_embedding.linear_2', [], time, time);
  const sizes = [width, 2 * width, 4 * width, 4 * width];
  const skips = [width];
  let size = width;
  for (const [index, outputs] of sizes.entries()) {
    for (const number of [0, 1]) {
      resnet(`down_blocks.${index}.resnets.${number}`, size, outputs);
      if (index < 3) attention(`down_blocks.${index}.attentions.${number}`, outputs);
      size = outputs;
      skips.push(size);
    }
    if (index === 3) continue;
    layer(`down_blocks.${index}.downsamplers.0.conv`, CONV_3X3, size, size);
    skips.push(size);
  }
  resnet('mid_block.resnets.0', size, size);
  attention('mid_block.attentions.0', size);
  resnet('mid_block.resnets.1', size, size);
  for (const [index, outputs] of [...sizes].reverse().entries()) {
    for (const number of [0, 1, 2]) {
      resnet(`up_blocks.${index}.resnets.${number}`, size + skips.pop()!, outputs);
      if (index > 0) attention(`up_blocks.${index}.attentions.${number}`, outputs);
      size = outputs;
    }
    if (index < 3) layer(`up_blocks.${index}.upsamplers.0.conv`, CONV_3X3, size, size);
  }
  layer('conv_out', CONV_3X3, size, 4);
  return modules;
}
