import { type TensorSource, tensor } from '../pairs/build.ts';

/** The names of the two factors of a module in each generation of names. */
export const STYLES = {
  peft: [(path: string) => `${path}.lora_A.weight`, (path: string) => `${path}.lora_B.weight`],
  lora: [(path: string) => `${path}.lora.down.weight`, (path: string) => `${path}.lora.up.weight`],
  text: [
    (path: string) => `${path}.lora_linear_layer.down.weight`,
    (path: string) => `${path}.lora_linear_layer.up.weight`,
  ],
} as const;
export type Style = keyof typeof STYLES;

/** The factors of a linear layer. */
export function linear(path: string, rank: number, style: Style = 'peft', m = 12, n = 20): TensorSource[] {
  const [a, b] = STYLES[style];
  return [tensor(a(path), [rank, n]), tensor(b(path), [m, rank])];
}

/** The factors of a convolution with a square kernel. */
export function conv(path: string, rank: number, style: Style = 'peft', kernel = 3): TensorSource[] {
  const [a, b] = STYLES[style];
  return [tensor(a(path), [rank, 5, kernel, kernel]), tensor(b(path), [7, rank, 1, 1])];
}

/** The value of lora_adapter_metadata. */
export const packed = (fields: Readonly<Record<string, unknown>>): { lora_adapter_metadata: string } => ({
  lora_adapter_metadata: JSON.stringify(fields),
});
