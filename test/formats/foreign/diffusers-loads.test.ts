import { join } from 'node:path';
import type { Target } from '../../../src/contract/target.ts';
import { HALF, judgeLoads, type Source, unevenRanks } from './judge-loads.ts';
import { EQUAL_ALPHAS, KOHYA_STYLE, OLD_STYLE, PEFT_STYLE, XLABS_STYLE } from './model-adapters.ts';
import {
  asPaths,
  fluxOfKohya,
  fluxOfXlabs,
  onlyIn,
  sd15OfKohya,
  sdxlAsDiffusers,
  sdxlOfKohya,
  underDiffusionModel,
  underLoraUnet,
  wanOfAiToolkit,
  wanOfMusubi,
} from './places.ts';

const CONVERTED: readonly Target[] = [
  { format: 'diffusers', dtype: 'float32' },
  { format: 'diffusers', ...HALF },
  unevenRanks('diffusers'),
];

const SOURCES: readonly Source[] = [
  {
    model: 'sd15',
    what: 'diffusers',
    naming: asPaths,
    style: PEFT_STYLE,
    targets: [{ format: 'kohya', dtype: 'float32' }, unevenRanks('kohya')],
  },
  { model: 'sd15', what: 'diffusers before PEFT', naming: onlyIn('unet.'), style: OLD_STYLE },
  {
    model: 'sd15',
    what: 'kohya',
    naming: sd15OfKohya,
    style: EQUAL_ALPHAS,
    targets: CONVERTED,
  },
  { model: 'sdxl', what: 'diffusers', naming: asPaths, style: PEFT_STYLE },
  {
    model: 'sdxl',
    what: 'kohya',
    naming: sdxlAsDiffusers,
    style: EQUAL_ALPHAS,
    targets: CONVERTED,
  },
  {
    model: 'sdxl',
    what: 'kohya, of the authors',
    naming: sdxlOfKohya,
    style: EQUAL_ALPHAS,
    targets: CONVERTED,
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

judgeLoads(
  {
    name: 'the pipelines of diffusers',
    script: join(import.meta.dirname, 'load_with_diffusers.py'),
    packages: ['diffusers', 'peft'],
    weightsName: 'pytorch_lora_weights.safetensors',
  },
  SOURCES,
);
