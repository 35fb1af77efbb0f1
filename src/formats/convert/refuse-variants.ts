import type { Adapter } from '../../adapter/adapter.ts';
import { notConvertible, type Route } from './not-convertible.ts';

/** Fields of a configuration that change what an adapter does, and that no two formats share. */
const VARIANTS: readonly (readonly [field: string, what: string])[] = [
  ['alora_invocation_tokens', 'the adapter only acts after its invocation tokens (aLoRA)'],
  ['adapter.alora.invocation_tokens', 'the adapter only acts after its invocation tokens (aLoRA)'],
  ['layer_replication', 'the layers are those of a base model some of whose layers are repeated'],
];

/**
 * Refuses adapters that mean something else once their configuration is left behind.
 * @throws AppError FORMAT_NOT_CONVERTIBLE naming the field
 */
export function refuseVariants({ config }: Adapter, route: Route): void {
  for (const [field, what] of VARIANTS) {
    const value = config[field] ?? null;
    if (value === null || (Array.isArray(value) && value.length === 0)) continue;
    throw notConvertible(route, field, `is set: ${what}, which the other format does not say`);
  }
}

/**
 * Refuses experts that share a tensor, but between formats that stack them alike: MLX and GGUF have A [E, r, in] and
 * B [E, out, r], along a first axis.
 * @throws AppError FORMAT_NOT_CONVERTIBLE naming the module
 */
export function refuseExperts({ modules }: Adapter, route: Route): void {
  const { from, to } = route;
  if ((from === 'mlx' && to === 'gguf') || (from === 'gguf' && to === 'mlx')) return;
  const expert = modules.find((module) => module.expert !== undefined);
  if (!expert) return;
  throw notConvertible(
    route,
    expert.name,
    'is of an expert: formats stack the experts of a mixture in different ways',
  );
}
