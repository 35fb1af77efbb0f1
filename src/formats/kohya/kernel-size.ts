/**
 * LyCORIS flattens convolutions without a core to [r, in·k·k], so that the kernel is in no shape. In Stable Diffusion's
 * UNet it is told by the name: these are its 3×3 convolutions, as diffusers and as Stability's own code name them.
 */
const THREE_BY_THREE: readonly RegExp[] = [
  /_resnets_\d+_conv[12]$/,
  /_(?:down|up)samplers_\d+_conv$/,
  /^(?:lora_unet|lycoris_unet|lycoris)_conv_(?:in|out)$/,
  /_(?:in_layers_2|out_layers_3)$/,
  /_input_blocks_(?:0_0|\d+_0_op)$/,
  /_output_blocks_\d+_[12]_conv$/,
  /^lora_unet_out_2$/,
];

/**
 * The kernel of a module, and whether only its name tells it.
 * @param shape the kernel in the shape of a factor; [] where there is none
 * @param columns in channels · kernel
 * @returns kernel [] for a linear layer, and for all that cannot be told
 */
export function kernelFrom(
  shape: readonly number[],
  module: string,
  columns: number,
): { kernel: readonly number[]; isKernelGuessed: boolean } {
  const isFlattened =
    shape.length === 0 && columns % 9 === 0 && THREE_BY_THREE.some((pattern) => pattern.test(module));
  return isFlattened ? { kernel: [3, 3], isKernelGuessed: true } : { kernel: shape, isKernelGuessed: false };
}
