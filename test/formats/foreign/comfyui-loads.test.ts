import { join } from 'node:path';
import type { Target } from '../../../src/contract/target.ts';
import {
  asKohya,
  fluxAsDiffusers,
  fluxAsXlabs,
  hunyuanVideoAsDiffusers,
  hunyuanVideoOfPipe,
  sd1AsKohya,
  sd3AsDiffusers,
  sdxlAsKohyaWithDiffusers,
  underDiffusionModel,
  underTransformer,
  unetAsDiffusers,
  unetBeforePeft,
  wanAsDiffusers,
} from './comfyui-places.ts';
import { HALF, judgeLoads, type Source, unevenRanks } from './judge-loads.ts';
import { KOHYA_STYLE, OLDEST_STYLE, PEFT_STYLE, XLABS_STYLE } from './model-adapters.ts';

const AS_KOHYA: readonly Target[] = [
  { format: 'kohya', dtype: 'float32' },
  { format: 'kohya', ...HALF },
  unevenRanks('kohya'),
];
/** ComfyUI knows the attention of UNets only by the names from before PEFT (….processor.to_q). */
const isAttention = (name: string): boolean => /\.to_(?:q|k|v|out\.0)$/.test(name);
const everything = (): boolean => true;

const SOURCES: readonly Source[] = [
  { model: 'sd15', what: 'kohya', naming: sd1AsKohya, style: KOHYA_STYLE },
  {
    model: 'sd15',
    what: 'diffusers',
    naming: unetAsDiffusers,
    style: PEFT_STYLE,
    targets: AS_KOHYA,
    unloaded: isAttention,
  },
  { model: 'sd15', what: 'diffusers before PEFT', naming: unetBeforePeft, style: OLDEST_STYLE },
  { model: 'sdxl', what: 'kohya', naming: sdxlAsKohyaWithDiffusers, style: KOHYA_STYLE },
  { model: 'sdxl', what: 'kohya, of the authors', naming: asKohya, style: KOHYA_STYLE },
  {
    model: 'sdxl',
    what: 'diffusers',
    naming: unetAsDiffusers,
    style: PEFT_STYLE,
    targets: AS_KOHYA,
    unloaded: isAttention,
  },
  { model: 'flux', what: 'kohya', naming: asKohya, style: KOHYA_STYLE },
  { model: 'flux', what: 'diffusers', naming: fluxAsDiffusers, style: PEFT_STYLE, targets: AS_KOHYA },
  { model: 'flux', what: 'ai-toolkit', naming: underDiffusionModel, style: PEFT_STYLE, targets: AS_KOHYA },
  {
    model: 'flux',
    what: 'xlabs',
    naming: fluxAsXlabs,
    style: XLABS_STYLE,
    targets: AS_KOHYA,
    unloaded: everything,
  },
  { model: 'sd3', what: 'kohya', naming: asKohya, style: KOHYA_STYLE },
  { model: 'sd3', what: 'diffusers', naming: sd3AsDiffusers, style: PEFT_STYLE, targets: AS_KOHYA },
  { model: 'wan', what: 'musubi-tuner', naming: asKohya, style: KOHYA_STYLE },
  { model: 'wan', what: 'ai-toolkit', naming: underDiffusionModel, style: PEFT_STYLE, targets: AS_KOHYA },
  { model: 'wan', what: 'diffusers', naming: wanAsDiffusers, style: PEFT_STYLE, unloaded: everything },
  { model: 'qwen-image', what: 'musubi-tuner', naming: asKohya, style: KOHYA_STYLE },
  {
    model: 'qwen-image',
    what: 'ai-toolkit',
    naming: underDiffusionModel,
    style: PEFT_STYLE,
    targets: AS_KOHYA,
  },
  { model: 'qwen-image', what: 'diffusers', naming: underTransformer, style: PEFT_STYLE },
  { model: 'ltx', what: 'musubi-tuner', naming: asKohya, style: KOHYA_STYLE },
  { model: 'ltx', what: 'ai-toolkit', naming: underDiffusionModel, style: PEFT_STYLE, targets: AS_KOHYA },
  { model: 'ltx', what: 'diffusers', naming: underTransformer, style: PEFT_STYLE, unloaded: everything },
  { model: 'hunyuan-video', what: 'kohya', naming: asKohya, style: KOHYA_STYLE },
  { model: 'hunyuan-video', what: 'diffusion-pipe', naming: hunyuanVideoOfPipe, style: PEFT_STYLE },
  {
    model: 'hunyuan-video',
    what: 'diffusers',
    naming: hunyuanVideoAsDiffusers,
    style: PEFT_STYLE,
    unloaded: everything,
  },
  { model: 'hunyuan-video', what: 'ai-toolkit', naming: underDiffusionModel, style: PEFT_STYLE },
];

judgeLoads(
  {
    name: 'the models of ComfyUI',
    script: join(import.meta.dirname, 'load_with_comfyui.py'),
    packages: ['comfy'],
    weightsName: 'lora.safetensors',
  },
  SOURCES,
);

const OF_FORGE = ['sd15', 'sdxl', 'flux'];
judgeLoads(
  {
    name: 'the models of Forge, which has older key maps of ComfyUI,',
    script: join(import.meta.dirname, 'load_with_forge.py'),
    packages: ['backend', 'packages_3rdparty', 'diffusers', 'peft'],
    weightsName: 'lora.safetensors',
  },
  SOURCES.filter(({ model }) => OF_FORGE.includes(model)),
);
