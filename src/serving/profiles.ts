import { AppError } from '../errors/app-error.ts';
import type { Profile } from './profile.ts';
import { CLOUDFLARE } from './profiles/cloudflare.ts';
import { FIREWORKS } from './profiles/fireworks.ts';
import { LLAMA_CPP } from './profiles/llama-cpp.ts';
import { LORAX } from './profiles/lorax.ts';
import { MLX_LM } from './profiles/mlx-lm.ts';
import { PEFT_TRANSFORMERS } from './profiles/peft.ts';
import { SGLANG } from './profiles/sglang.ts';
import { TENSORRT_LLM } from './profiles/tensorrt-llm.ts';
import { VLLM } from './profiles/vllm.ts';

/** Every profile, in the order in which they are listed. */
export const PROFILES: readonly Profile[] = [
  VLLM,
  SGLANG,
  LORAX,
  TENSORRT_LLM,
  PEFT_TRANSFORMERS,
  CLOUDFLARE,
  FIREWORKS,
  LLAMA_CPP,
  MLX_LM,
];

/** The longest name that a message repeats in full; equal to the limit for a target (src/contract/target.ts). */
const MAX_SHOWN = 64;

/**
 * The profile that a target names.
 * @throws AppError UNKNOWN_PROFILE, listing the known names
 */
export function profileNamed(name: string): Profile {
  const profile = PROFILES.find((one) => one.name === name);
  if (profile) return profile;
  const known = PROFILES.map((one) => one.name);
  const shown = JSON.stringify(name.slice(0, MAX_SHOWN));
  throw new AppError(
    'UNKNOWN_PROFILE',
    `There is no profile ${shown}; the profiles are ${known.join(', ')}.`,
    { known },
  );
}
