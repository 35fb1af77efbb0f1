import type { LoraModule } from '../../adapter/adapter.ts';
import { checkSize, needed, sizeOf } from './factors.ts';
import { refuseModule } from './refuse.ts';
import type { Site } from './sort-tensors.ts';

/**
 * A plain pair (sd-scripts, networks/lora.py): linear down [r, in], up [out, r]; convolution down [r, in, k…],
 * up [out, r, 1…]. Its scale is alpha/r, with r from the shape of down.
 * @param alpha null: the scale is 1
 * @throws AppError LORA_UNPAIRED, LORA_RANK_DIMS, LORA_RANK_ZERO, LORA_RANK_MISMATCH, UNSUPPORTED_DTYPE,
 *   UNSUPPORTED_LORA_VARIANT, ST_VALIDATION_OVERFLOW
 */
export function readPair(site: Site, alpha: number | null): LoraModule {
  const { module: name } = site;
  const down = needed(site, 'down', 'lora_down');
  const up = needed(site, 'up', 'lora_up');
  const told = `lora_down [${down.entry.shape}], lora_up [${up.entry.shape}]`;
  if (!up.entry.shape.slice(2).every((size) => size === 1)) {
    throw refuseModule('LORA_RANK_DIMS', name, `the shapes fit no kind of layer: ${told}`);
  }
  const rank = down.rows;
  if (up.columns !== rank) {
    const isGrouped = down.entry.shape.length > 2 && rank % up.columns === 0;
    const [code, what] = isGrouped
      ? (['UNSUPPORTED_LORA_VARIANT', `a grouped convolution (${rank / up.columns} groups)`] as const)
      : (['LORA_RANK_MISMATCH', `lora_down has rank ${rank}, lora_up has rank ${up.columns}`] as const);
    throw refuseModule(code, name, `${what}: ${told}`);
  }
  checkSize(name, up.rows, down.columns);
  const isConv = down.entry.shape.length > 2 || up.entry.shape.length > 2;
  return {
    name,
    kind: isConv ? 'conv' : 'linear',
    a: down.entry,
    b: up.entry,
    rank,
    m: up.rows,
    n: sizeOf(down.entry.shape.slice(1)),
    scale: alpha === null ? 1 : alpha / rank,
    ...alphaOf(site),
  };
}

/** The tensor that holds the module's alpha, for the model. */
export function alphaOf({ alpha }: Site): Pick<LoraModule, 'alpha'> {
  return alpha ? { alpha: { name: alpha.name, dtype: alpha.dtype, shape: alpha.shape } } : {};
}
