import type { Adapter } from '../../adapter/adapter.ts';
import { withKernel } from '../../adapter/factor-shapes.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ReadInput, ReadResult } from '../format.ts';
import { kernelsOf } from '../layers/kernels-of.ts';
import type { ShownLayer } from '../layers/projection-kind.ts';
import { mostFrequent } from '../pairs/most-frequent.ts';
import { alphaFor } from './alpha-for.ts';
import { isPlain, readDerived } from './read-derived.ts';
import { readPair } from './read-pair.ts';
import { decodeScalar } from './scalar.ts';
import { type Site, sortTensors } from './sort-tensors.ts';
import { type Found, stage } from './stage.ts';

/**
 * Reads an adapter as kohya's trainers and LyCORIS write it, from the header of its file and its alphas.
 * @throws AppError FORMAT_MIXED, LORA_*, NO_LORA_TENSORS, NON_FINITE_WEIGHTS, UNSUPPORTED_DTYPE,
 *   UNSUPPORTED_LORA_VARIANT, ST_VALIDATION_OVERFLOW
 */
export async function readKohya({ header, readTensor }: ReadInput): Promise<ReadResult> {
  const { tensors, metadata } = header!;
  const { sites, passthrough: carried, hasMagnitudes } = sortTensors(tensors);
  if (sites.length === 0) {
    throw new AppError('NO_LORA_TENSORS', `No LoRA: ${tensors.length} tensors, none of them a factor.`, {
      tensors: tensors.length,
    });
  }
  const found: Found[] = [];
  for (const site of sites) {
    const alpha = await alphaIn(site, readTensor);
    found.push(
      isPlain(site) ? { module: readPair(site, alpha) } : { site, derived: readDerived(site, alpha) },
    );
  }
  const { kernels, warnings } = kernelsOf(found.map(shownLayer), metadata);
  const { modules, passthrough, staging } = stage(
    found.map((one, index) => {
      const kernel = kernels[index]!;
      return one.derived
        ? { ...one, derived: { ...one.derived, kernel } }
        : { module: withKernel(one.module, kernel) };
    }),
    carried,
  );
  return {
    adapter: {
      format: 'kohya',
      baseModel: metadata.get('ss_base_model_version') || null,
      alpha: mostFrequent(modules.map(({ scale, rank }) => alphaFor(scale, rank))),
      configRank: modules.reduce((largest, { rank }) => Math.max(largest, rank), 1),
      useRslora: false,
      modules,
      passthrough,
      hasLoraBias: false,
      config: {},
      metadata,
      warnings: [...derivedWarnings(found), ...warnings, ...doraWarnings(hasMagnitudes)],
    } satisfies Adapter,
    staging,
  };
}

/** null where there is none that counts: absent, or 0, which trainers take for the rank. */
async function alphaIn({ alpha }: Site, readTensor: ReadInput['readTensor']): Promise<number | null> {
  if (!alpha) return null;
  const value = decodeScalar(alpha, await readTensor(alpha));
  return value === 0 ? null : value;
}

const ORIGINS = {
  LoHa: 'LoHa',
  LoKr: 'LoKr',
  Tucker: 'LoRA with a core (lora_mid)',
  full: 'whole differences of weights (.diff)',
} as const;

function derivedWarnings(found: readonly Found[]): string[] {
  return (Object.keys(ORIGINS) as (keyof typeof ORIGINS)[]).flatMap((origin) => {
    const made = found.flatMap(({ derived }) => (derived?.from === origin ? [derived] : []));
    if (made.length === 0) return [];
    const cut = made.filter(({ isExact }) => !isExact).length;
    const ranks = made.map(({ derivation }) => derivation.rank);
    const [least, most] = [Math.min(...ranks), Math.max(...ranks)];
    const rank = least === most ? `rank ${most}` : `ranks ${least} to ${most}`;
    const loss =
      cut === 0
        ? 'exactly'
        : `${cut} of them only as well as that rank allows; what they leave out is part of the errors`;
    return [`${made.length} modules were ${ORIGINS[origin]}; they were made into LoRA of ${rank}, ${loss}.`];
  });
}

/** What the file shows of the layer itself. */
function shownLayer(found: Found): ShownLayer {
  if (!found.derived) {
    const { name, n, a } = found.module;
    return { name, n, kernel: a.shape.slice(2), dimensions: null };
  }
  const { derivation, kernel } = found.derived;
  const dimensions = found.site.magnitude?.shape.length ?? 0;
  return { name: derivation.module, n: derivation.n, kernel, dimensions: dimensions < 2 ? null : dimensions };
}

function doraWarnings(hasMagnitudes: boolean): string[] {
  if (!hasMagnitudes) return [];
  return [
    'DoRA: the magnitude vectors (dora_scale) are carried over unchanged; errors are those of scale·B·A, not of the ' +
      'weights after the base model is normalised',
  ];
}
