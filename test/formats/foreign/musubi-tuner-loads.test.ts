import { join } from 'node:path';
import { judgeLoads } from './judge-loads.ts';
import { KOHYA_STYLE, PEFT_STYLE } from './model-adapters.ts';
import { each, flat } from './places.ts';

const MODELS = ['flux', 'hunyuan-video', 'qwen-image', 'wan', 'z-image'];

judgeLoads(
  {
    name: 'the models of musubi-tuner',
    script: join(import.meta.dirname, 'load_with_musubi_tuner.py'),
    packages: ['musubi_tuner'],
    weightsName: 'lora.safetensors',
  },
  MODELS.flatMap((model) => [
    { model, what: 'musubi-tuner', naming: each((path) => `lora_unet_${flat(path)}`), style: KOHYA_STYLE },
    { model, what: 'ai-toolkit', naming: each((path) => `diffusion_model.${path}`), style: PEFT_STYLE },
  ]),
);
