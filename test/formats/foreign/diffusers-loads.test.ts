import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ComputePool } from '../../../src/compute/pool.ts';
import type { Target } from '../../../src/contract/target.ts';
import { runPythonWithPackages, skipWithoutPython } from '../../clients/python.ts';
import { readSafetensors } from '../../oracle/safetensors.ts';
import { squeezeToEach } from '../squeezing-files.ts';
import {
  EQUAL_ALPHAS,
  foundUpdate,
  KOHYA_STYLE,
  type Layers,
  leastLoss,
  madeAdapter,
  PEFT_STYLE,
  RANK,
  type Style,
  updateOf,
} from './model-adapters.ts';
import {
  asPaths,
  fluxOfKohya,
  fluxOfXlabs,
  type Naming,
  onlyIn,
  sd15OfKohya,
  sdxlAsDiffusers,
  sdxlOfKohya,
  underDiffusionModel,
  underLoraUnet,
  wanOfAiToolkit,
  wanOfMusubi,
} from './places.ts';
import { relativeDifference } from './updates.ts';

const SCRIPT = join(import.meta.dirname, 'load_with_diffusers.py');
const XLABS_STYLE: Style = { a: '.down.weight', b: '.up.weight' };
const OLD_STYLE: Style = { a: '.lora.down.weight', b: '.lora.up.weight' };

interface Source {
  readonly model: string;
  readonly what: string;
  readonly naming: Naming;
  readonly style: Style;
  readonly targets?: readonly Target[];
  /** The loader reads alphas that differ wrongly, so every module has the same rank. */
  readonly uniform?: true;
}
const HALF: Target = { rank: RANK / 2, dtype: 'float32' };
const CONVERTED: readonly Target[] = [
  { format: 'diffusers', dtype: 'float32' },
  { format: 'diffusers', ...HALF },
  { format: 'diffusers', rank_pattern: { '.*attn2.*': 1, '.*': 3 }, dtype: 'float32' },
];

const SOURCES: readonly Source[] = [
  { model: 'sd15', what: 'diffusers', naming: asPaths, style: PEFT_STYLE },
  { model: 'sd15', what: 'diffusers before PEFT', naming: onlyIn('unet.'), style: OLD_STYLE },
  {
    model: 'sd15',
    what: 'kohya',
    naming: sd15OfKohya,
    style: EQUAL_ALPHAS,
    targets: CONVERTED,
    uniform: true,
  },
  { model: 'sdxl', what: 'diffusers', naming: asPaths, style: PEFT_STYLE },
  {
    model: 'sdxl',
    what: 'kohya',
    naming: sdxlAsDiffusers,
    style: EQUAL_ALPHAS,
    targets: CONVERTED,
    uniform: true,
  },
  {
    model: 'sdxl',
    what: 'kohya, of the authors',
    naming: sdxlOfKohya,
    style: EQUAL_ALPHAS,
    targets: CONVERTED,
    uniform: true,
  },
  { model: 'flux', what: 'diffusers', naming: asPaths, style: PEFT_STYLE },
  { model: 'flux', what: 'kohya', naming: fluxOfKohya, style: KOHYA_STYLE },
  {
    model: 'flux',
    what: 'xlabs',
    naming: fluxOfXlabs,
    style: XLABS_STYLE,
    targets: [{ format: 'kohya', ...HALF }],
  },
  { model: 'sd3', what: 'diffusers', naming: asPaths, style: PEFT_STYLE },
  { model: 'wan', what: 'diffusers', naming: asPaths, style: PEFT_STYLE },
  { model: 'wan', what: 'ai-toolkit', naming: wanOfAiToolkit, style: PEFT_STYLE },
  { model: 'wan', what: 'musubi-tuner', naming: wanOfMusubi, style: KOHYA_STYLE },
  { model: 'qwen-image', what: 'diffusers', naming: asPaths, style: PEFT_STYLE },
  { model: 'qwen-image', what: 'ai-toolkit', naming: underDiffusionModel, style: PEFT_STYLE },
  { model: 'qwen-image', what: 'musubi-tuner', naming: underLoraUnet, style: KOHYA_STYLE },
  { model: 'ltx', what: 'diffusers', naming: asPaths, style: PEFT_STYLE },
  { model: 'ltx', what: 'ai-toolkit', naming: underDiffusionModel, style: PEFT_STYLE },
  { model: 'hunyuan-video', what: 'diffusers', naming: asPaths, style: PEFT_STYLE },
  { model: 'z-image', what: 'diffusers', naming: asPaths, style: PEFT_STYLE },
];
const UNIFORM: readonly (Target | null)[] = [null, HALF, { ...HALF, scale: 'keep' }];
const UNEVEN: Target = { energy: 0.9, uniform: false, dtype: 'float32' };

describe('the pipelines of diffusers load what our files say', {
  skip: skipWithoutPython('diffusers', 'peft', 'torch'),
}, () => {
  let pool: ComputePool;
  let folder: string;
  let layers: Readonly<Record<string, Layers>>;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'diffusers-loads-'));
    pool = await ComputePool.start('cpu', 1);
    layers = await runPythonWithPackages(SCRIPT);
  });
  after(async () => {
    await pool.close();
    rmSync(folder, { recursive: true });
  });

  for (const { model, what, naming, style, targets = [], uniform } of SOURCES) {
    it(`${model}: ${what}`, async () => {
      const { weights, modules } = madeAdapter(layers[model]!, naming(layers[model]!), style);
      const cases: (Target | null)[] = [...UNIFORM, ...(uniform ? [] : [UNEVEN]), ...targets];
      const wanted = cases.filter((target) => target !== null);
      const results = await squeezeToEach(pool, { weights, config: null }, wanted);
      const dirs = cases.map((target, index) => {
        const dir = join(folder, `${model}-${what.replaceAll(/\W+/g, '-')}-${index}`);
        mkdirSync(dir);
        const bytes = target === null ? weights : results[wanted.indexOf(target)]!.weights;
        writeFileSync(join(dir, 'pytorch_lora_weights.safetensors'), bytes);
        writeFileSync(join(dir, 'model.json'), JSON.stringify(model));
        return dir;
      });
      await runPythonWithPackages(SCRIPT, ...dirs);
      for (const [index, target] of cases.entries()) {
        const found = readSafetensors(join(dirs[index]!, 'deltas.safetensors')).tensors;
        assert.deepEqual([...found.keys()].sort(), modules.flatMap((one) => one.layers).sort());
        const file = readSafetensors(join(dirs[index]!, 'pytorch_lora_weights.safetensors')).tensors;
        for (const module of modules) {
          const asked = target && askedRank(target, module.name);
          const rank = asked ?? file.get(`${module.name}${style.a}`)?.shape[0] ?? RANK;
          const least = leastLoss(module, rank);
          const lost = relativeDifference(updateOf(module), foundUpdate(module, found));
          const message = `${JSON.stringify(target)}: ${module.name}: ${lost}, at best ${least}`;
          assert.ok(Math.abs(lost - least) < 1e-5, message);
        }
      }
    });
  }
});

/** The rank that a target asks for; undefined if it leaves it to the squeeze. */
function askedRank(target: Target, module: string): number | undefined {
  if ('rank_pattern' in target) return module.includes('attn2') ? 1 : 3;
  return 'rank' in target ? target.rank : undefined;
}
