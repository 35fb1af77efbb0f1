/** The description of a benchmark adapter. It determines the weights completely: the same spec gives the same bytes. */
export interface AdapterSpec {
  /** Name of the folder in which it is stored. */
  readonly name: string;
  readonly rank: number;
  readonly modules: readonly ModuleShape[];
}

export interface ModuleShape {
  /** Path in the model, as in PEFT's tensor names before `.lora_A.weight`. */
  readonly name: string;
  readonly outFeatures: number;
  readonly inFeatures: number;
}

const BYTES_PER_ELEMENT = 2; // bfloat16
const LLAMA_7B = { layers: 32, hidden: 4096, feedForward: 11008 };

/** Every linear layer of Llama-2-7B: 7 modules a layer; 32 layers at rank 64 are 320 MB. */
export function llamaAdapter(rank: number, layers = LLAMA_7B.layers): AdapterSpec {
  const { hidden, feedForward } = LLAMA_7B;
  const projections: readonly (readonly [string, number, number])[] = [
    ['mlp.down_proj', hidden, feedForward],
    ['mlp.gate_proj', feedForward, hidden],
    ['mlp.up_proj', feedForward, hidden],
    ['self_attn.k_proj', hidden, hidden],
    ['self_attn.o_proj', hidden, hidden],
    ['self_attn.q_proj', hidden, hidden],
    ['self_attn.v_proj', hidden, hidden],
  ];
  const modules = Array.from({ length: layers }, (_, layer) =>
    projections.map(([projection, outFeatures, inFeatures]) => ({
      name: modulePath(layer, projection),
      outFeatures,
      inFeatures,
    })),
  ).flat();
  return { name: `llama-${layers}-layers-r${rank}`, rank, modules };
}

/** `count` square modules of `size` features. */
export function squareAdapter(count: number, size: number, rank: number): AdapterSpec {
  const modules = Array.from({ length: count }, (_, layer) => ({
    name: modulePath(layer, 'self_attn.q_proj'),
    outFeatures: size,
    inFeatures: size,
  }));
  return { name: `square-${count}x${size}-r${rank}`, rank, modules };
}

const modulePath = (layer: number, projection: string) =>
  `base_model.model.model.layers.${layer}.${projection}`;

/** Bytes of all factors, without the header of the file. */
export function factorBytes({ modules, rank }: AdapterSpec): number {
  return modules.reduce(
    (sum, { outFeatures, inFeatures }) => sum + BYTES_PER_ELEMENT * rank * (outFeatures + inFeatures),
    0,
  );
}
