import type { Adapter, LoraModule, TensorEntry } from '../../../src/adapter/adapter.ts';
import type { FormatName } from '../../../src/adapter/format-name.ts';
import type { ConvertOptions } from '../../../src/formats/convert/placed-adapter.ts';

/** What a test specifies of a module; everything else has defaults. */
export interface ModuleSpec {
  readonly name: string;
  readonly a: string;
  readonly b: string;
  readonly kind?: LoraModule['kind'];
  readonly rank?: number;
  readonly m?: number;
  readonly n?: number;
  readonly scale?: number;
  /** The kernel of a convolution. */
  readonly kernel?: number;
  readonly expert?: LoraModule['expert'];
  readonly alpha?: LoraModule['alpha'];
}

let next = 0;

/** An entry with bytes that occur nowhere else. */
export function entry(name: string, shape: readonly number[], dtype = 'F32'): TensorEntry {
  const beginByte = next;
  next += shape.reduce((product, size) => product * size, 4);
  return { name, dtype, shape, beginByte, endByte: next };
}

export function buildModule({
  name,
  a,
  b,
  kind = 'linear',
  rank = 4,
  m = 32,
  n = 16,
  scale = 2,
  kernel = 3,
  expert,
  alpha,
}: ModuleSpec): LoraModule {
  const [ofA, ofB] =
    kind === 'conv'
      ? [
          [kernel, kernel],
          [1, 1],
        ]
      : [[], []];
  return {
    name,
    kind,
    a: { ...entry(a, [rank, n, ...ofA]), dtype: 'F32' },
    b: { ...entry(b, [m, rank, ...ofB]), dtype: 'F32' },
    rank,
    m,
    n: kind === 'conv' ? n * kernel * kernel : n,
    scale,
    ...(expert ? { expert } : {}),
    ...(alpha ? { alpha } : {}),
  };
}

/** The tensors of a module in each format, named as in its own files. */
export const NAMES: Readonly<Record<Exclude<FormatName, 'cloneofsimo'>, (name: string) => ModuleSpec>> = {
  peft: (name) => ({
    name,
    a: `base_model.model.${name}.lora_A.weight`,
    b: `base_model.model.${name}.lora_B.weight`,
  }),
  diffusers: (name) => ({ name, a: `${name}.lora_A.weight`, b: `${name}.lora_B.weight` }),
  kohya: (name) => ({
    name,
    a: `${name}.lora_down.weight`,
    b: `${name}.lora_up.weight`,
    alpha: { name: `${name}.alpha`, dtype: 'F32', shape: [] },
  }),
  xlabs: (name) => ({ name, a: `${name}.down.weight`, b: `${name}.up.weight` }),
  mlx: (name) => ({ name, a: `${name}.lora_a`, b: `${name}.lora_b` }),
  gguf: (name) => ({ name, a: `${name}.weight.lora_a`, b: `${name}.weight.lora_b` }),
};

export interface AdapterSpec {
  readonly passthrough?: readonly TensorEntry[];
  readonly config?: Record<string, unknown>;
  readonly metadata?: ReadonlyMap<string, string>;
  readonly baseModel?: string | null;
  readonly hasLoraBias?: boolean;
}

/** @param modules their names, or also other fields */
export function buildAdapter(
  format: Exclude<FormatName, 'cloneofsimo'>,
  modules: readonly (string | (Partial<ModuleSpec> & { readonly name: string }))[],
  {
    passthrough = [],
    config = {},
    metadata = new Map(),
    baseModel = null,
    hasLoraBias = false,
  }: AdapterSpec = {},
): Adapter {
  return {
    format,
    baseModel,
    alpha: 8,
    configRank: 4,
    useRslora: false,
    modules: modules.map((one) =>
      buildModule(typeof one === 'string' ? NAMES[format](one) : { ...NAMES[format](one.name), ...one }),
    ),
    passthrough,
    hasLoraBias,
    config,
    metadata,
    warnings: [],
  };
}

export const LLAMA: ConvertOptions = { architecture: 'llama', heads: 4, kv_heads: 2 };
