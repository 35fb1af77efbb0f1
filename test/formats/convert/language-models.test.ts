import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { convertAdapter } from '../../../src/formats/convert/convert-adapter.ts';
import { GGUF_ARCHITECTURES } from '../../../src/formats/convert/gguf-architectures.ts';
import { buildAdapter, entry, LLAMA } from './build-adapter.ts';
import { refuses } from './refusal.ts';

const Q = 'model.layers.0.self_attn.q_proj';
const K = 'model.layers.0.self_attn.k_proj';
const DOWN = 'model.layers.11.mlp.down_proj';

describe('PEFT to GGUF', () => {
  it('names tensors like llama.cpp', () => {
    const names: Readonly<Record<string, Readonly<Record<string, string>>>> = {
      qwen2: {
        [Q]: 'blk.0.attn_q',
        [K]: 'blk.0.attn_k',
        'model.layers.0.self_attn.v_proj': 'blk.0.attn_v',
        'model.layers.3.self_attn.o_proj': 'blk.3.attn_output',
        'model.layers.10.mlp.gate_proj': 'blk.10.ffn_gate',
        'model.layers.10.mlp.up_proj': 'blk.10.ffn_up',
        [DOWN]: 'blk.11.ffn_down',
        lm_head: 'output',
      },
      phi3: {
        'model.layers.0.self_attn.qkv_proj': 'blk.0.attn_qkv',
        'model.layers.0.self_attn.o_proj': 'blk.0.attn_output',
        'model.layers.0.mlp.gate_up_proj': 'blk.0.ffn_up',
      },
      gpt2: {
        'transformer.h.0.attn.c_attn': 'blk.0.attn_qkv',
        'transformer.h.0.attn.c_proj': 'blk.0.attn_output',
        'transformer.h.0.mlp.c_fc': 'blk.0.ffn_up',
        'transformer.h.0.mlp.c_proj': 'blk.0.ffn_down',
      },
      starcoder2: { 'model.layers.0.mlp.c_fc': 'blk.0.ffn_up' },
      phi2: {
        'model.layers.0.self_attn.dense': 'blk.0.attn_output',
        'model.layers.0.mlp.fc2': 'blk.0.ffn_down',
      },
    };
    for (const [architecture, ofModules] of Object.entries(names)) {
      const { modules, format } = convertAdapter(buildAdapter('peft', Object.keys(ofModules)), 'gguf', {
        architecture,
      });
      assert.equal(format, 'gguf');
      assert.deepEqual(
        modules.map(({ name, a, b }) => [name, a.name, b.name]),
        Object.values(ofModules).map((name) => [name, `${name}.weight.lora_a`, `${name}.weight.lora_b`]),
      );
      for (const { rowOrder } of modules) assert.equal(rowOrder, undefined);
    }
  });

  it('omits the parts of a multimodal model around its text model', () => {
    const paths = {
      'model.language_model.layers.0.self_attn.q_proj': 'blk.0.attn_q',
      'model.language_model.layers.3.mlp.down_proj': 'blk.3.ffn_down',
      'model.language_model.embed_tokens': 'token_embd',
    };
    const older = {
      'language_model.model.layers.0.self_attn.q_proj': 'blk.0.attn_q',
      'language_model.lm_head': 'output',
    };
    for (const [format, names] of [
      ['peft', paths],
      ['peft', older],
      ['mlx', older],
    ] as const) {
      const { modules } = convertAdapter(buildAdapter(format, Object.keys(names)), 'gguf', {
        architecture: 'qwen3',
      });
      assert.deepEqual(
        modules.map(({ name }) => name),
        Object.values(names),
        format,
      );
    }
    // mlx-lm wraps such models differently.
    const [first] = Object.keys(paths);
    refuses(() => convertAdapter(buildAdapter('peft', [first!]), 'mlx', {}), /mlx-lm share/, first!);
    const vision = 'model.visual.blocks.0.attn.qkv';
    refuses(
      () => convertAdapter(buildAdapter('peft', [first!, vision]), 'gguf', { architecture: 'qwen3' }),
      /is not a known module/,
      vision,
    );
  });

  it('refuses modules for which llama.cpp has no tensor: a head that is the embedding, a dense layer beside experts', () => {
    for (const architecture of ['gemma', 'gemma2', 'command-r', 'cohere2']) {
      const to = (name: string) => () =>
        convertAdapter(buildAdapter('peft', [Q, name]), 'gguf', { architecture });
      refuses(to('lm_head'), /is not a known module/, 'lm_head');
      refuses(to('model.embed_tokens'), /is also the head/, 'model.embed_tokens');
    }
    for (const architecture of ['qwen2moe', 'qwen3moe'])
      refuses(
        () => convertAdapter(buildAdapter('peft', [Q, DOWN]), 'gguf', { architecture }),
        /is not a known module/,
        DOWN,
      );
  });

  it('writes the metadata that llama.cpp reads', () => {
    const source = buildAdapter('peft', [Q], { baseModel: 'Qwen/Qwen2.5-0.5B' });
    const { config } = convertAdapter(source, 'gguf', { architecture: 'qwen2' });
    assert.deepEqual(config, {
      'general.architecture': 'qwen2',
      'general.type': 'adapter',
      'adapter.type': 'lora',
      'general.file_type': { type: 4, value: 0 },
      'general.base_model.count': { type: 4, value: 1 },
      'general.base_model.0.name': 'Qwen2.5-0.5B',
      'general.base_model.0.repo_url': 'https://huggingface.co/Qwen/Qwen2.5-0.5B',
      'adapter.lora.alpha': 8,
    });
    const mistral = convertAdapter(source, 'gguf', { architecture: 'mistral', heads: 4 });
    assert.equal(mistral.config['general.architecture'], 'llama');
  });

  it('reorders the rows of q and k for llama, by the heads of each', () => {
    const { modules } = convertAdapter(buildAdapter('peft', [Q, K, DOWN]), 'gguf', LLAMA);
    assert.deepEqual(
      modules.map(({ rowOrder }) => rowOrder),
      [{ shape: [4, 2, 4], axes: [0, 2, 1] }, { shape: [2, 2, 8], axes: [0, 2, 1] }, undefined],
    );
    const alike = convertAdapter(buildAdapter('peft', [K]), 'gguf', { architecture: 'llama', heads: 4 });
    assert.deepEqual(alike.modules[0]!.rowOrder?.shape, [4, 2, 4], 'kv_heads defaults to heads');
  });

  it('needs the heads only if rows are reordered, and reports what is missing', () => {
    convertAdapter(buildAdapter('peft', [DOWN]), 'gguf', { architecture: 'llama' });
    convertAdapter(buildAdapter('peft', [Q]), 'gguf', { architecture: 'qwen2' });
    const llama = (options: object) => () =>
      convertAdapter(buildAdapter('peft', [Q, K]), 'gguf', { architecture: 'llama', ...options });
    refuses(llama({}), /needs format_options\.heads.*model\.layers\.0\.self_attn\.q_proj/, 'heads');
    refuses(
      llama({ heads: 5 }),
      /32 rows, which cannot be divided into 5 heads of equal size: change format_options\.heads/,
      Q,
    );
    refuses(llama({ heads: 4, kv_heads: 3 }), /divided into 3 heads.*kv_heads/, K);
    refuses(llama({ heads: 32 }), /divided into 32 heads of equal size/, Q);
  });

  it('does not guess the architecture', () => {
    refuses(
      () => convertAdapter(buildAdapter('peft', [Q]), 'gguf', {}),
      /needs format_options\.architecture.*qwen2/,
      'architecture',
    );
    refuses(
      () => convertAdapter(buildAdapter('peft', [Q]), 'gguf', { architecture: 'bert' }),
      /"bert" is not known/,
      'architecture',
    );
    for (const name of ['constructor', '__proto__', 'toString'])
      refuses(
        () => convertAdapter(buildAdapter('peft', [Q]), 'gguf', { architecture: name }),
        /not known/,
        'architecture',
      );
  });

  it('refuses modules that the architecture does not have', () => {
    const to =
      (architecture: string, ...names: string[]) =>
      () =>
        convertAdapter(buildAdapter('peft', names), 'gguf', { architecture });
    const experts = 'model.layers.0.mlp.experts.3.up_proj';
    refuses(to('qwen2', Q, experts), /is not a known module of qwen2/, experts);
    refuses(to('phi3', DOWN, Q), /of phi3/, Q);
    refuses(to('qwen2', 'transformer.h.0.attn.c_attn'), /of qwen2/);
    refuses(to('qwen2', 'down_blocks.0.attentions.0.proj_in'), /of qwen2/);
  });

  it('refuses heads, biases and magnitudes by name', () => {
    const beside = (name: string, shape: number[]) => () =>
      convertAdapter(buildAdapter('peft', [Q], { passthrough: [entry(name, shape)] }), 'gguf', {
        architecture: 'qwen2',
      });
    const head = 'base_model.model.score.weight';
    refuses(beside(head, [2, 16]), /not a LoRA factor/, head);
    const magnitude = `base_model.model.${Q}.lora_magnitude_vector`;
    refuses(beside(magnitude, [32]), /DoRA magnitude, which the other format does not have/, magnitude);
    const bias = `base_model.model.${Q}.lora_B.bias`;
    refuses(beside(bias, [32]), /a LoRA bias/, bias);
  });
});

describe('GGUF to PEFT', () => {
  const gguf = (names: readonly string[], architecture = 'qwen2') =>
    buildAdapter('gguf', names, { config: { 'general.architecture': architecture } });

  it('restores the same names, for every architecture', () => {
    const paths: Readonly<Record<string, readonly string[]>> = {
      gpt2: ['transformer.h.3.attn.c_attn', 'transformer.h.3.mlp.c_proj', 'transformer.wte', 'lm_head'],
      phi3: ['model.layers.2.self_attn.qkv_proj', 'model.layers.2.mlp.gate_up_proj', 'model.embed_tokens'],
      phi2: ['model.layers.2.self_attn.dense', 'model.layers.2.mlp.fc1'],
      starcoder2: ['model.layers.2.self_attn.q_proj', 'model.layers.2.mlp.c_fc'],
      llama: [K, DOWN, 'lm_head'],
      qwen2moe: [K, 'model.layers.2.mlp.shared_expert.down_proj', 'model.layers.2.mlp.gate'],
      qwen3moe: [K, 'model.layers.2.mlp.gate', 'lm_head'],
    };
    for (const architecture of GGUF_ARCHITECTURES) {
      const names = paths[architecture] ?? [K, DOWN];
      const options = { ...LLAMA, architecture };
      const there = convertAdapter(buildAdapter('peft', names), 'gguf', options);
      const plain = { ...there, modules: there.modules.map(({ rowOrder: _, ...module }) => module) };
      const back = convertAdapter(plain, 'peft', options);
      assert.deepEqual(
        back.modules.map(({ name }) => name),
        names,
        architecture,
      );
      assert.equal(back.config.fan_in_fan_out, architecture === 'gpt2');
    }
  });

  it('also reads names with .weight', () => {
    const { modules } = convertAdapter(gguf(['blk.0.attn_q.weight']), 'peft', {});
    assert.equal(modules[0]!.name, Q);
    assert.equal(modules[0]!.a.name, `base_model.model.${Q}.lora_A.weight`);
  });

  it('restores the order of rows for llama', () => {
    const { modules } = convertAdapter(gguf(['blk.0.attn_q', 'blk.0.attn_k'], 'llama'), 'peft', LLAMA);
    assert.deepEqual(
      modules.map(({ rowOrder }) => rowOrder),
      [
        { shape: [4, 4, 2], axes: [0, 2, 1] },
        { shape: [2, 8, 2], axes: [0, 2, 1] },
      ],
    );
    refuses(
      () => convertAdapter(gguf(['blk.0.attn_q'], 'llama'), 'peft', {}),
      /format_options\.heads/,
      'heads',
    );
  });

  it('refuses tensors that belong to no module of the architecture', () => {
    const name = 'blk.0.ffn_gate_exps';
    refuses(() => convertAdapter(gguf([name]), 'peft', {}), /is not a known module of qwen2/, name);
    refuses(
      () => convertAdapter(gguf(['blk.0.attn_q'], 'mamba'), 'peft', {}),
      /"mamba" is not known/,
      'architecture',
    );
  });
});

describe('PEFT and MLX', () => {
  it('have the same paths', () => {
    const names = [Q, DOWN, 'lm_head'];
    const mlx = convertAdapter(buildAdapter('peft', names, { baseModel: 'some/model' }), 'mlx', {});
    assert.deepEqual(
      mlx.modules.map(({ name, a, b }) => [name, a.name, b.name]),
      names.map((name) => [name, `${name}.lora_a`, `${name}.lora_b`]),
    );
    assert.deepEqual(mlx.config, {
      fine_tune_type: 'lora',
      lora_parameters: {
        rank: 4,
        scale: 2,
        dropout: 0,
        keys: ['lm_head', 'mlp.down_proj', 'self_attn.q_proj'],
      },
      model: 'some/model',
      num_layers: -1,
    });
    const peft = convertAdapter(mlx, 'peft', {});
    assert.deepEqual(
      peft.modules.map(({ name }) => name),
      names,
    );
    assert.equal(peft.config.task_type, 'CAUSAL_LM');
    assert.equal(peft.config.base_model_name_or_path, 'some/model');
  });

  it('except for the root of GPT-2, whose Conv1D layers are linear in MLX', () => {
    const names = ['transformer.h.0.attn.c_attn', 'transformer.h.0.mlp.c_proj'];
    const source = buildAdapter('peft', names, { config: { fan_in_fan_out: true } });
    const mlx = convertAdapter(source, 'mlx', {});
    assert.deepEqual(
      mlx.modules.map(({ name }) => name),
      ['model.h.0.attn.c_attn', 'model.h.0.mlp.c_proj'],
    );
    assert.deepEqual((mlx.config.lora_parameters as { keys: string[] }).keys, ['attn.c_attn', 'mlp.c_proj']);
    const peft = convertAdapter(mlx, 'peft', {});
    assert.deepEqual(
      peft.modules.map(({ name }) => name),
      names,
    );
    assert.equal(peft.config.fan_in_fan_out, true);
  });

  it('write DoRA alike', () => {
    const name = `base_model.model.${Q}.lora_magnitude_vector`;
    const magnitude = entry(name, [32]);
    const source = buildAdapter('peft', [Q], { passthrough: [magnitude] });
    const mlx = convertAdapter(source, 'mlx', {});
    assert.equal(mlx.config.fine_tune_type, 'dora');
    assert.deepEqual(mlx.passthrough, [{ ...magnitude, name: `${Q}.m` }]);
    const peft = convertAdapter(mlx, 'peft', {});
    assert.deepEqual(peft.passthrough, [magnitude]);
    assert.equal(peft.config.use_dora, true);
  });

  it('allow DoRA for all modules or none', () => {
    const name = `base_model.model.${Q}.lora_magnitude_vector`;
    const source = buildAdapter('peft', [Q, DOWN], { passthrough: [entry(name, [32])] });
    refuses(() => convertAdapter(source, 'mlx', {}), /for all modules or for none/, DOWN);
  });

  it('refuse experts, in both ways of writing them', () => {
    const one = 'model.layers.0.mlp.experts.0.up_proj';
    refuses(() => convertAdapter(buildAdapter('peft', [Q, one]), 'mlx', {}), /belongs to an expert/, one);
    const stacked = 'model.layers.0.mlp.switch_mlp.up_proj';
    refuses(
      () => convertAdapter(buildAdapter('mlx', [stacked]), 'peft', {}),
      /belongs to an expert/,
      stacked,
    );
    const module = { name: stacked, expert: { index: 0, count: 2 } };
    refuses(() => convertAdapter(buildAdapter('mlx', [module]), 'peft', {}), /belongs to an expert/, stacked);
  });

  it('stack experts like GGUF', () => {
    const path = 'model.layers.0.mlp.switch_mlp.up_proj';
    const tensors = { a: `${path}.lora_a`, b: `${path}.lora_b` };
    const modules = [0, 1].map((index) => ({
      name: `${path}#${index}`,
      ...tensors,
      expert: { index, count: 2 },
    }));
    const gguf = convertAdapter(buildAdapter('mlx', modules), 'gguf', { architecture: 'qwen3moe' });
    const named = ({ name, a, b, expert }: (typeof gguf.modules)[number]) => [name, a.name, b.name, expert];
    assert.deepEqual(
      gguf.modules.map(named),
      [0, 1].map((index) => [
        `blk.0.ffn_up_exps#${index}`,
        'blk.0.ffn_up_exps.weight.lora_a',
        'blk.0.ffn_up_exps.weight.lora_b',
        { index, count: 2 },
      ]),
    );
    const back = convertAdapter(gguf, 'mlx', {});
    assert.deepEqual(
      back.modules.map(named),
      modules.map(({ name, a, b, expert }) => [name, a, b, expert]),
    );
    refuses(() => convertAdapter(gguf, 'peft', {}), /belongs to an expert/, 'blk.0.ffn_up_exps#0');
    refuses(
      () => convertAdapter(buildAdapter('mlx', modules), 'gguf', { architecture: 'qwen3' }),
      /of qwen3/,
    );
  });

  it('refuse other models', () => {
    const path = 'stages.0.blocks.0.mlp.fc1';
    refuses(
      () => convertAdapter(buildAdapter('peft', [path]), 'mlx', {}),
      /not a path that transformers and mlx-lm share/,
      path,
    );
    refuses(() => convertAdapter(buildAdapter('mlx', ['vision.q']), 'peft', {}), /not a path/, 'vision.q');
  });

  it('convert to GGUF through the same paths', () => {
    const gguf = convertAdapter(buildAdapter('mlx', [Q, DOWN]), 'gguf', LLAMA);
    assert.deepEqual(
      gguf.modules.map(({ name }) => name),
      ['blk.0.attn_q', 'blk.11.ffn_down'],
    );
    assert.deepEqual(gguf.modules[0]!.rowOrder, { shape: [4, 2, 4], axes: [0, 2, 1] });
  });
});

describe('a configuration that changes the meaning of an adapter', () => {
  it('is refused by the name of the field', () => {
    for (const config of [{ alora_invocation_tokens: [1, 2] }, { layer_replication: [[0, 4]] }]) {
      const [field] = Object.keys(config);
      for (const to of ['mlx', 'gguf'] as const)
        refuses(
          () => convertAdapter(buildAdapter('peft', [Q], { config }), to, { architecture: 'qwen2' }),
          /is set/,
          field,
        );
    }
    const tokens = { type: 9, value: { type: 4, values: [1] } };
    const config = { 'general.architecture': 'qwen2', 'adapter.alora.invocation_tokens': tokens };
    refuses(() => convertAdapter(buildAdapter('gguf', ['blk.0.attn_q'], { config }), 'peft', {}), /aLoRA/);
  });

  it('is accepted if the field is empty', () => {
    const config = { alora_invocation_tokens: null, layer_replication: [], use_rslora: true };
    assert.equal(convertAdapter(buildAdapter('peft', [Q], { config }), 'mlx', {}).useRslora, false);
  });
});

describe('target_modules', () => {
  const targets = (...names: string[]) =>
    convertAdapter(buildAdapter('mlx', names), 'peft', {}).config.target_modules;

  it('are last words if every layer has the same, otherwise paths', () => {
    const all = [0, 1, 2].flatMap((layer) =>
      ['q_proj', 'v_proj'].map((name) => `model.layers.${layer}.self_attn.${name}`),
    );
    assert.deepEqual(targets(...all), ['q_proj', 'v_proj']);
    assert.deepEqual(targets(...all.slice(2)), all.slice(2), 'the first layer has none');
    assert.deepEqual(targets(...all.slice(0, 5)), all.slice(0, 5), 'the last layer has one');
    assert.deepEqual(targets(...all, 'lm_head'), [...all, 'lm_head']);
  });

  it('are two words if one would match more', () => {
    assert.deepEqual(targets('model.h.0.attn.c_proj', 'model.h.1.attn.c_proj'), ['attn.c_proj']);
  });
});

describe('an embedding', () => {
  it('remains an embedding in formats that have them', () => {
    const name = 'model.embed_tokens';
    const peft = buildAdapter('peft', [
      {
        name,
        kind: 'embedding',
        a: `base_model.model.${name}.lora_embedding_A`,
        b: `base_model.model.${name}.lora_embedding_B`,
      },
    ]);
    const mlx = convertAdapter(peft, 'mlx', {});
    assert.deepEqual([mlx.modules[0]!.a.name, mlx.modules[0]!.kind], [`${name}.lora_a`, 'embedding']);
    const gguf = convertAdapter(mlx, 'gguf', { architecture: 'qwen2' });
    assert.deepEqual(gguf.modules[0]!.a.name, 'token_embd.weight.lora_a');
    assert.match(gguf.warnings.join(), /llama\.cpp aborts.*tie_word_embeddings/);
    assert.deepEqual(mlx.warnings, []);
    const back = convertAdapter(gguf, 'peft', {});
    assert.deepEqual(
      back.modules.map(({ name, a, b, kind }) => ({ name, a: a.name, b: b.name, kind })),
      peft.modules.map(({ name, a, b, kind }) => ({ name, a: a.name, b: b.name, kind })),
    );
  });
});
