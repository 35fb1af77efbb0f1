import type { Target } from '../contract/target.ts';
import { PRODUCT } from '../version.ts';
import type { Method } from './method.ts';
import type { SqueezeInput } from './squeeze.ts';

/** What a result's metadata tells of how it was made. No times and no ids: the same request, the same bytes. */
export function provenance(
  input: Pick<SqueezeInput, 'kind' | 'sources'>,
  target: Target,
  method: Method,
): Map<string, string> {
  const { oversampling, power_iterations, seed } = method;
  return new Map([
    ['lora_squeeze.version', PRODUCT.version],
    ...ofSources(input),
    ['lora_squeeze.method', method.used],
    ['lora_squeeze.target', JSON.stringify(target)],
    [
      'lora_squeeze.options',
      JSON.stringify({ method: method.requested, oversampling, power_iterations, seed }),
    ],
  ]);
}

function ofSources({ kind, sources }: Pick<SqueezeInput, 'kind' | 'sources'>): [string, string][] {
  if (kind !== 'merge') return sources.map(({ sha256 }) => ['lora_squeeze.source_sha256', sha256]);
  const told = sources.map(({ sha256, weight }) => ({ sha256, weight }));
  return [['lora_squeeze.sources', JSON.stringify(told)]];
}
