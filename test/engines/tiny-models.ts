import { type KeyValue, TYPE } from '../gguf/gguf-file.ts';

/**
 * Untrained models that llama.cpp loads: two layers of some thousand random weights, with exactly the tensors
 * that its source asks for (`load_arch_tensors` in src/models of llama.cpp, v0.5.0) and no vocabulary.
 */
export interface TinyModel {
  readonly architecture: string;
  /** The weights that a LoRA may adapt. */
  readonly weights: readonly Weight[];
  /** Norms, biases and other tensors that no LoRA adapts, with their extents as in GGUF. */
  readonly others: readonly (readonly [name: string, ...extents: number[]])[];
  readonly keys: readonly KeyValue[];
  /** Attention heads by which a converter reorders the rows of q and k; undefined if it does not. */
  readonly heads?: { readonly heads: number; readonly kv_heads: number };
}

export interface Weight {
  /** The name in transformers, or of stacked experts in mlx-lm. */
  readonly path: string;
  /** The name in llama.cpp, without ".weight". */
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** How many matrices are stacked; undefined for a single one. */
  readonly experts?: number;
  /** An embedding, whose rows are looked up. */
  readonly isEmbedding?: boolean;
  /** Heads by which a converter of llama.cpp reorders the rows. */
  readonly heads?: number;
}

/** Three special tokens and one for each byte. */
export const VOCABULARY = 259;
const [LAYERS, WIDTH, HEADS, KV_HEADS, FEED, EXPERTS, CONTEXT] = [2, 64, 4, 2, 96, 8, 64];

const byteToken = (at: number): string => `<0x${(at - 3).toString(16).toUpperCase().padStart(2, '0')}>`;
const ofTokens = (type: number, make: (at: number) => string | number) =>
  [TYPE.arr, { type, values: Array.from({ length: VOCABULARY }, (_, at) => make(at)) }] as const;
/** As in sentencepiece, because llama.cpp tokenises a word when it loads a model. */
const TOKENIZER: readonly KeyValue[] = [
  ['tokenizer.ggml.model', TYPE.str, 'llama'],
  ['tokenizer.ggml.tokens', ...ofTokens(TYPE.str, (at) => ['<unk>', '<s>', '</s>'][at] ?? byteToken(at))],
  ['tokenizer.ggml.scores', ...ofTokens(TYPE.f32, (at) => -at)],
  ['tokenizer.ggml.token_type', ...ofTokens(TYPE.i32, (at) => [2, 3, 3][at] ?? 6)],
];

type Layer = readonly (readonly [
  path: string,
  name: string,
  rows: number,
  columns: number,
  experts?: number | undefined,
])[];

const attention = (head: number, out = 'o_proj'): Layer => [
  ['self_attn.q_proj', 'attn_q', HEADS * head, WIDTH],
  ['self_attn.k_proj', 'attn_k', KV_HEADS * head, WIDTH],
  ['self_attn.v_proj', 'attn_v', KV_HEADS * head, WIDTH],
  [`self_attn.${out}`, 'attn_output', WIDTH, HEADS * head],
];
const gated = (path = 'mlp', ending = '', experts?: number): Layer => [
  [`${path}.gate_proj`, `ffn_gate${ending}`, FEED, WIDTH, experts],
  [`${path}.up_proj`, `ffn_up${ending}`, FEED, WIDTH, experts],
  [`${path}.down_proj`, `ffn_down${ending}`, WIDTH, FEED, experts],
];
const plain = (up: string, down: string): Layer => [
  [`mlp.${up}`, 'ffn_up', FEED, WIDTH],
  [`mlp.${down}`, 'ffn_down', WIDTH, FEED],
];
const mixture: Layer = [
  ['mlp.gate', 'ffn_gate_inp', EXPERTS, WIDTH],
  ...gated('mlp.switch_mlp', '_exps', EXPERTS),
];

interface Spec {
  readonly layer: Layer;
  /** Vectors of a layer, as wide as the model unless a size follows the name. */
  readonly vectors: string;
  readonly ends?: string;
  /** The embedding is also the head. */
  readonly tied?: boolean;
  /** LayerNorm instead of RMSNorm. */
  readonly layerNorm?: boolean;
  readonly reordered?: boolean;
  /** The size of an attention head; default: width / heads. */
  readonly head?: number;
  readonly keys?: readonly KeyValue[];
  readonly layers?: string;
}

const NORMS = 'attn_norm.weight ffn_norm.weight';
const LAYER_NORMS = `${NORMS} attn_norm.bias ffn_norm.bias`;
const llama: Spec = { layer: [...attention(16), ...gated()], vectors: NORMS, reordered: true };
const wide = { layer: [...attention(32), ...gated()], head: 32 };
const biased: Spec = {
  ...llama,
  reordered: false,
  vectors: `${NORMS} attn_q.bias attn_k.bias:32 attn_v.bias:32`,
};
const cohere: Spec = { ...llama, reordered: false, vectors: 'attn_norm.weight', layerNorm: true, tied: true };
const mixtureKeys: KeyValue[] = [
  ['expert_count', TYPE.u32, EXPERTS],
  ['expert_used_count', TYPE.u32, 2],
  ['expert_feed_forward_length', TYPE.u32, FEED],
];

const SPECS: Readonly<Record<string, Spec>> = {
  llama,
  granite: { ...llama, keys: [['logit_scale', TYPE.f32, 0.5]] },
  smollm3: llama,
  qwen2: biased,
  qwen3: { ...wide, vectors: `${NORMS} attn_q_norm.weight:32 attn_k_norm.weight:32` },
  qwen2moe: {
    ...biased,
    layer: [...attention(16), ...mixture, ...gated('mlp.shared_expert', '_shexp')],
    vectors: `${biased.vectors} ffn_gate_inp_shexp.weight`,
    keys: [...mixtureKeys, ['expert_shared_feed_forward_length', TYPE.u32, FEED]],
  },
  qwen3moe: {
    layer: [...attention(32), ...mixture],
    head: 32,
    vectors: `${NORMS} attn_q_norm.weight:32 attn_k_norm.weight:32`,
    keys: mixtureKeys,
  },
  gemma: { ...wide, vectors: NORMS, tied: true },
  gemma2: { ...wide, vectors: `${NORMS} post_attention_norm.weight post_ffw_norm.weight`, tied: true },
  gemma3: {
    ...wide,
    vectors: `${NORMS} post_attention_norm.weight post_ffw_norm.weight attn_q_norm.weight:32 attn_k_norm.weight:32`,
  },
  olmo2: {
    ...llama,
    reordered: false,
    vectors: 'post_attention_norm.weight post_ffw_norm.weight attn_q_norm.weight attn_k_norm.weight:32',
  },
  stablelm: {
    ...biased,
    vectors: LAYER_NORMS,
    ends: 'output_norm.bias',
    layerNorm: true,
    keys: [['rope.dimension_count', TYPE.u32, 8]],
  },
  'command-r': { ...cohere, keys: [['logit_scale', TYPE.f32, 0.5]] },
  cohere2: {
    ...cohere,
    keys: [
      ['logit_scale', TYPE.f32, 0.5],
      ['attention.sliding_window', TYPE.u32, 32],
    ],
  },
  phi3: {
    layer: [
      ['self_attn.qkv_proj', 'attn_qkv', 128, WIDTH],
      ['self_attn.o_proj', 'attn_output', WIDTH, WIDTH],
      ['mlp.gate_up_proj', 'ffn_up', 2 * FEED, WIDTH],
      ['mlp.down_proj', 'ffn_down', WIDTH, FEED],
    ],
    vectors: NORMS,
  },
  phi2: {
    layer: [...attention(16, 'dense'), ...plain('fc1', 'fc2')],
    vectors: 'attn_norm.weight attn_norm.bias attn_output.bias ffn_up.bias:96 ffn_down.bias',
    ends: 'output_norm.bias output.bias',
    layerNorm: true,
    keys: [['rope.dimension_count', TYPE.u32, 8]],
  },
  starcoder2: {
    layer: [...attention(16), ...plain('c_fc', 'c_proj')],
    vectors: `${LAYER_NORMS} attn_output.bias ffn_up.bias:96 ffn_down.bias`,
    ends: 'output_norm.bias',
    layerNorm: true,
  },
  nemotron: {
    layer: [...attention(16), ...plain('up_proj', 'down_proj')],
    vectors: LAYER_NORMS,
    ends: 'output_norm.bias',
    layerNorm: true,
    keys: [['rope.dimension_count', TYPE.u32, 8]],
  },
  gpt2: {
    layer: [
      ['attn.c_attn', 'attn_qkv', 128, WIDTH],
      ['attn.c_proj', 'attn_output', WIDTH, WIDTH],
      ['mlp.c_fc', 'ffn_up', FEED, WIDTH],
      ['mlp.c_proj', 'ffn_down', WIDTH, FEED],
    ],
    vectors: `${LAYER_NORMS} attn_qkv.bias:128 attn_output.bias ffn_up.bias:96 ffn_down.bias`,
    ends: 'output_norm.bias',
    layerNorm: true,
    layers: 'transformer.h',
  },
};

/** llama.cpp accepts LoRA for the embedding and for the head, but for neither if one tensor is both. */
const endsOf = (embedding: string): Weight[] => [
  { path: embedding, name: 'token_embd', rows: VOCABULARY, columns: WIDTH, isEmbedding: true },
  { path: 'lm_head', name: 'output', rows: VOCABULARY, columns: WIDTH },
];

export const TINY_MODELS: readonly TinyModel[] = Object.entries(SPECS).map(([architecture, spec]) => {
  const { layer, vectors, ends = '', tied = false, layerNorm = false, reordered = false, head } = spec;
  const { keys = [], layers = 'model.layers' } = spec;
  const headsOf = (name: string): object =>
    name === 'attn_q' ? { heads: HEADS } : name === 'attn_k' ? { heads: KV_HEADS } : {};
  const each = <T>(make: (index: number) => readonly T[]): T[] => [0, 1].slice(0, LAYERS).flatMap(make);
  const vectorsOf = (names: string, before: string) =>
    names
      .split(' ')
      .filter((name) => name !== '')
      .map((name) => name.split(':'))
      .map(
        ([name, size]) =>
          [`${before}${name}`, Number(size ?? (name === 'output.bias' ? VOCABULARY : WIDTH))] as const,
      );
  const ofAll: KeyValue[] = [
    ['vocab_size', TYPE.u32, VOCABULARY],
    ['context_length', TYPE.u32, CONTEXT],
    ['embedding_length', TYPE.u32, WIDTH],
    ['block_count', TYPE.u32, LAYERS],
    ['feed_forward_length', TYPE.u32, FEED],
    ['attention.head_count', TYPE.u32, HEADS],
    ['attention.head_count_kv', TYPE.u32, KV_HEADS],
    [layerNorm ? 'attention.layer_norm_epsilon' : 'attention.layer_norm_rms_epsilon', TYPE.f32, 1e-5],
    ...(head === undefined
      ? []
      : (['attention.key_length', 'attention.value_length'] as const).map(
          (key) => [key, TYPE.u32, head] as const,
        )),
    ...keys,
  ];
  return {
    architecture,
    weights: [
      ...each((index) =>
        layer.map(
          ([path, name, rows, columns, experts]): Weight => ({
            path: `${layers}.${index}.${path}`,
            name: `blk.${index}.${name}`,
            rows,
            columns,
            ...(experts === undefined ? {} : { experts }),
            ...(reordered ? headsOf(name) : {}),
          }),
        ),
      ),
      ...(tied ? [] : endsOf(architecture === 'gpt2' ? 'transformer.wte' : 'model.embed_tokens')),
    ],
    others: [
      ...(tied ? [['token_embd.weight', WIDTH, VOCABULARY] as const] : []),
      ...(architecture === 'gpt2' ? [['position_embd.weight', WIDTH, CONTEXT] as const] : []),
      ...vectorsOf(`output_norm.weight ${ends}`, ''),
      ...each((index) => vectorsOf(vectors, `blk.${index}.`)),
    ],
    keys: [
      ['general.architecture', TYPE.str, architecture],
      ...TOKENIZER,
      ...ofAll.map(([key, type, value]) => [`${architecture}.${key}`, type, value] as const),
    ],
    ...(reordered ? { heads: { heads: HEADS, kv_heads: KV_HEADS } } : {}),
  };
});
