/**
 * The names of linear layers in those architectures of llama.cpp that have exactly one for each of transformers
 * (gguf-py/gguf/tensor_mapping.py; convert_hf_to_gguf.py for what a converter does to the weights).
 */
export interface GgufArchitecture {
  /** Path in a layer of transformers (mlx-lm, for experts) → name in a block. */
  readonly layer: ReadonlyMap<string, string>;
  /** Path in transformers → name. */
  readonly model: ReadonlyMap<string, string>;
  /** What the paths of layers begin with in transformers: "model.layers". */
  readonly layers: string;
  /** The rows of q and k are reordered, for rotary embeddings that take neighbouring numbers as pairs. */
  readonly reordersRows: boolean;
  /** The embedding is also the head: llama.cpp has one tensor for both, and aborts if that tensor has a LoRA. */
  readonly isTied: boolean;
  /** The base layers are Conv1D; llama.cpp has their weights transposed, so that ΔW is [out, in] in both. */
  readonly isConv1d: boolean;
}

const QKV: [string, string][] = [
  ['self_attn.q_proj', 'attn_q'],
  ['self_attn.k_proj', 'attn_k'],
  ['self_attn.v_proj', 'attn_v'],
];
const GATED: [string, string][] = [
  ['mlp.gate_proj', 'ffn_gate'],
  ['mlp.up_proj', 'ffn_up'],
  ['mlp.down_proj', 'ffn_down'],
];
const OUT: [string, string] = ['self_attn.o_proj', 'attn_output'];
/** What llama.cpp calls the embedding of tokens. */
export const EMBEDDING = 'token_embd';
const ENDS = new Map([
  ['model.embed_tokens', EMBEDDING],
  ['lm_head', 'output'],
]);

const decoder = (layer: [string, string][], reordersRows = false): GgufArchitecture => ({
  layer: new Map(layer),
  model: ENDS,
  layers: 'model.layers',
  reordersRows,
  isTied: false,
  isConv1d: false,
});

const llama = decoder([...QKV, OUT, ...GATED], true);
const plain = decoder([...QKV, OUT, ...GATED]);
const tied = { ...plain, model: new Map([['model.embed_tokens', EMBEDDING]]), isTied: true };

/** Experts as mlx-lm stacks them; transformers has a module for each, or parameters instead of modules. */
const MIXTURE: [string, string][] = [
  ['mlp.gate', 'ffn_gate_inp'],
  ['mlp.switch_mlp.gate_proj', 'ffn_gate_exps'],
  ['mlp.switch_mlp.up_proj', 'ffn_up_exps'],
  ['mlp.switch_mlp.down_proj', 'ffn_down_exps'],
];
const SHARED_EXPERT: [string, string][] = [
  ['mlp.shared_expert.gate_proj', 'ffn_gate_shexp'],
  ['mlp.shared_expert.up_proj', 'ffn_up_shexp'],
  ['mlp.shared_expert.down_proj', 'ffn_down_shexp'],
];

const TABLE: Readonly<Record<string, GgufArchitecture>> = {
  llama,
  granite: llama,
  smollm3: llama,
  qwen2: plain,
  qwen3: plain,
  qwen2moe: decoder([...QKV, OUT, ...MIXTURE, ...SHARED_EXPERT]),
  qwen3moe: decoder([...QKV, OUT, ...MIXTURE]),
  gemma: tied,
  gemma2: tied,
  gemma3: plain,
  olmo2: plain,
  stablelm: plain,
  'command-r': tied,
  cohere2: tied,
  phi3: decoder([
    ['self_attn.qkv_proj', 'attn_qkv'],
    OUT,
    ['mlp.gate_up_proj', 'ffn_up'],
    ['mlp.down_proj', 'ffn_down'],
  ]),
  phi2: decoder([...QKV, ['self_attn.dense', 'attn_output'], ['mlp.fc1', 'ffn_up'], ['mlp.fc2', 'ffn_down']]),
  starcoder2: decoder([...QKV, OUT, ['mlp.c_fc', 'ffn_up'], ['mlp.c_proj', 'ffn_down']]),
  nemotron: decoder([...QKV, OUT, ['mlp.up_proj', 'ffn_up'], ['mlp.down_proj', 'ffn_down']]),
  gpt2: {
    layer: new Map([
      ['attn.c_attn', 'attn_qkv'],
      ['attn.c_proj', 'attn_output'],
      ['mlp.c_fc', 'ffn_up'],
      ['mlp.c_proj', 'ffn_down'],
    ]),
    model: new Map([
      ['transformer.wte', EMBEDDING],
      ['transformer.wpe', 'position_embd'],
      ['lm_head', 'output'],
    ]),
    layers: 'transformer.h',
    reordersRows: false,
    isTied: false,
    isConv1d: true,
  },
};

/** Other names of architectures in llama.cpp. */
const ALIASES: Readonly<Record<string, string>> = {
  mistral: 'llama',
  gemma3_text: 'gemma3',
  cohere: 'command-r',
};

export const GGUF_ARCHITECTURES: readonly string[] = Object.keys(TABLE);

/** @returns its general.architecture and its names; null if it is not known */
export function ggufArchitecture(
  nameOrAlias: string,
): { readonly name: string; readonly architecture: GgufArchitecture } | null {
  const name = Object.hasOwn(ALIASES, nameOrAlias) ? ALIASES[nameOrAlias]! : nameOrAlias;
  return Object.hasOwn(TABLE, name) ? { name, architecture: TABLE[name]! } : null;
}

/** @returns null if the architecture has no tensor for the module */
export function ggufName({ layer, model, layers }: GgufArchitecture, path: string): string | null {
  const end = model.get(path);
  if (end !== undefined) return end;
  const match = path.startsWith(`${layers}.`) ? /^(\d+)\.(.+)$/.exec(path.slice(layers.length + 1)) : null;
  const tail = match ? layer.get(match[2]!) : undefined;
  return tail === undefined ? null : `blk.${match![1]}.${tail}`;
}

/** @returns null if the tensor belongs to no known module */
export function hfPath({ layer, model, layers }: GgufArchitecture, name: string): string | null {
  const keyOf = (table: ReadonlyMap<string, string>, value: string): string | undefined =>
    [...table].find((entry) => entry[1] === value)?.[0];
  const end = keyOf(model, name);
  if (end !== undefined) return end;
  const match = /^blk\.(\d+)\.(.+)$/.exec(name);
  const tail = match ? keyOf(layer, match[2]!) : undefined;
  return tail === undefined ? null : `${layers}.${match![1]}.${tail}`;
}
