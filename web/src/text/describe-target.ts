import type { FormatName } from '../../../src/adapter/format-name.ts';
import { formatBytes, formatExactPercent } from '../../../src/charts/format.ts';
import type { Target } from '../../../src/contract/target.ts';

/** The short names of formats, as their makers write them. */
export const FORMAT_WORDS: Readonly<Record<FormatName, string>> = {
  peft: 'PEFT',
  diffusers: 'diffusers',
  kohya: 'kohya',
  xlabs: 'XLabs',
  cloneofsimo: 'cloneofsimo',
  mlx: 'MLX',
  gguf: 'GGUF',
};

/** Servers by the names of their profiles, as their makers write them. */
const SERVER_WORDS: Readonly<Record<string, string>> = {
  cloudflare: 'Cloudflare Workers AI',
  fireworks: 'Fireworks AI',
  'llama-cpp': 'llama.cpp',
  lorax: 'LoRAX',
  'mlx-lm': 'mlx-lm',
  peft: 'PEFT (transformers)',
  sglang: 'SGLang',
  'tensorrt-llm': 'TensorRT-LLM',
  vllm: 'vLLM',
};

/** @param profile the name of a profile; one that the page does not know is its own title */
export const serverInWords = (profile: string): string => SERVER_WORDS[profile] ?? profile;

/** A short description of a target: "rank 4 as GGUF for vLLM". */
export function describeTarget(target: Target): string {
  const place = target.profile === undefined ? '' : ` for ${serverInWords(target.profile)}`;
  const criterion = 'criterion' in target && target.criterion === 'energy' ? ', by energy' : '';
  const compat = 'compat' in target && target.compat === 'kohya' ? ', as in kohya' : '';
  const each = target.uniform === false && !('rank_pattern' in target) ? ', ranks by module' : '';
  const written = target.format === undefined ? '' : ` as ${FORMAT_WORDS[target.format]}`;
  return `${policy(target)}${compat}${each}${criterion}${written}${place}`;
}

function policy(target: Target): string {
  if ('rank' in target) return `rank ${target.rank}`;
  if ('energy' in target) return `energy ${share(target.energy)}`;
  if ('tolerance' in target) return `error ≤ ${share(target.tolerance)}`;
  if ('ratio' in target) return `σ > σ₁/${target.ratio}`;
  if ('cumulative' in target) return `Σσ ${share(target.cumulative)}`;
  if ('knee' in target) return 'knee';
  if ('budget_bytes' in target) return `≤ ${formatBytes(target.budget_bytes)}`;
  if ('budget_parameters' in target) return `≤ ${target.budget_parameters.toLocaleString('en')} parameters`;
  if ('rank_pattern' in target) return 'ranks by module';
  return 'the largest rank';
}

/** A share in percent, with the digits of the request: 90 %, 99.5 %. */
const share = (value: number): string => formatExactPercent(value, 6);

export const rankRange = ({ min, max }: { min: number; max: number }): string =>
  min === max ? String(min) : `${min}–${max}`;
