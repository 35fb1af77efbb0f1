/**
 * The formats in which adapters are stored. `diffusers` includes ai-toolkit, which has the same tensors; `kohya`
 * includes LyCORIS.
 */
export const FORMAT_NAMES = ['peft', 'diffusers', 'kohya', 'xlabs', 'cloneofsimo', 'mlx', 'gguf'] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];
