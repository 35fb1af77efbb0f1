import type { Adapter, LoraModule } from '../../adapter/adapter.ts';
import { STAGED_DTYPE } from '../../adapter/staging-plan.ts';
import { AppError } from '../../errors/app-error.ts';
import { counted } from '../../errors/counted.ts';
import { checkSize, requiredMatrix, sizeOf } from '../derived/factors.ts';
import { isPlain, readDerived } from '../derived/read-derived.ts';
import { refuseModule, type Site } from '../derived/site.ts';
import { type Found, type PairNames, stageDerived } from '../derived/stage-derived.ts';
import type { ReadInput, ReadResult } from '../format.ts';
import { mostFrequent } from '../pairs/most-frequent.ts';
import { alphaOfScale, decodeScalar } from './scalar.ts';
import { sortTensors } from './sort-tensors.ts';

/**
 * Reads an adapter as kohya's trainers and LyCORIS write it, from the header of its file and its alphas.
 * @throws AppError FORMAT_MIXED, LORA_*, NO_LORA_TENSORS, NON_FINITE_WEIGHTS, UNSUPPORTED_DTYPE,
 *   UNSUPPORTED_LORA_VARIANT, ST_VALIDATION_OVERFLOW
 */
export async function readKohya({ header, readTensor }: ReadInput): Promise<ReadResult> {
  const { tensors, metadata } = header!;
  const { sites, passthrough: carried, hasMagnitudes } = sortTensors(tensors);
  if (sites.length === 0) {
    throw new AppError(
      'NO_LORA_TENSORS',
      `The weights have ${counted(tensors.length, 'tensor')}, but no LoRA factor.`,
      {
        tensors: tensors.length,
      },
    );
  }
  const found: Found[] = [];
  for (const site of sites) {
    const alpha = await alphaIn(site, readTensor);
    const times = site.scalar ? decodeScalar(site.scalar, await readTensor(site.scalar)) : 1;
    const scaled = <T extends { readonly scale: number }>(one: T): T => ({
      ...one,
      scale: one.scale * times,
    });
    found.push(
      isPlain(site)
        ? { module: scaled(readPlainPair(site, alpha)) }
        : { site, derived: scaled(readDerived(site, alpha)), names: namesOf(site) },
    );
  }
  const scalars = sites.filter(({ scalar }) => scalar).length;
  const { modules, passthrough, staging, warnings } = stageDerived(found, carried, metadata);
  return {
    adapter: {
      format: 'kohya',
      baseModel: metadata.get('ss_base_model_version') || null,
      alpha: mostFrequent(modules.map(({ scale, rank }) => alphaOfScale(scale, rank))),
      configRank: modules.reduce((largest, { rank }) => Math.max(largest, rank), 1),
      useRslora: false,
      modules,
      passthrough,
      hasLoraBias: false,
      config: {},
      metadata,
      warnings: [...warnings, ...scalarWarnings(scalars), ...doraWarnings(hasMagnitudes)],
    } satisfies Adapter,
    staging,
  };
}

/** null if there is no alpha or it is 0, which trainers treat as the rank. */
async function alphaIn({ alpha }: Site, readTensor: ReadInput['readTensor']): Promise<number | null> {
  if (!alpha) return null;
  const value = decodeScalar(alpha, await readTensor(alpha));
  return value === 0 ? null : value;
}

/**
 * A plain pair (sd-scripts, networks/lora.py): linear down [r, in], up [out, r]; convolution down [r, in, k…],
 * up [out, r, 1…]. Its scale is alpha/r, with r from the shape of down.
 * @param alpha null: the scale is 1
 * @throws AppError LORA_UNPAIRED, LORA_RANK_DIMS, LORA_RANK_ZERO, LORA_RANK_MISMATCH, UNSUPPORTED_DTYPE,
 *   UNSUPPORTED_LORA_VARIANT, ST_VALIDATION_OVERFLOW
 */
function readPlainPair(site: Site, alpha: number | null): LoraModule {
  const { module: name } = site;
  const down = requiredMatrix(site, 'down', 'lora_down');
  const up = requiredMatrix(site, 'up', 'lora_up');
  const shapes = `lora_down [${down.entry.shape}], lora_up [${up.entry.shape}]`;
  if (!up.entry.shape.slice(2).every((size) => size === 1)) {
    throw refuseModule('LORA_RANK_DIMS', name, `has factors whose shapes match no kind of layer: ${shapes}`);
  }
  const rank = down.rows;
  if (up.columns !== rank) {
    const isGrouped = down.entry.shape.length > 2 && rank % up.columns === 0;
    const [code, what] = isGrouped
      ? ([
          'UNSUPPORTED_LORA_VARIANT',
          `is a grouped convolution (${rank / up.columns} groups), which is not supported`,
        ] as const)
      : (['LORA_RANK_MISMATCH', `has factors of different ranks (${rank} and ${up.columns})`] as const);
    throw refuseModule(code, name, `${what}: ${shapes}`);
  }
  checkSize(name, up.rows, down.columns);
  const isConv = down.entry.shape.length > 2 || up.entry.shape.length > 2;
  return {
    name,
    kind: isConv ? 'conv' : 'linear',
    a: down.entry,
    b: up.entry,
    rank,
    m: up.rows,
    n: sizeOf(down.entry.shape.slice(1)),
    scale: alpha === null ? 1 : alpha / rank,
    ...alphaOf(site),
  };
}

/** The tensor with the module's alpha. */
function alphaOf({ alpha }: Site): Pick<LoraModule, 'alpha'> {
  return alpha ? { alpha: { name: alpha.name, dtype: alpha.dtype, shape: alpha.shape } } : {};
}

/**
 * The names of the pair that an update becomes. It always gets an alpha, although a whole difference has none, because LyCORIS
 * loads no pair without one (modules/locon.py, `make_module_from_state_dict`).
 */
function namesOf(site: Site): PairNames {
  const { module } = site;
  const alpha = { name: `${module}.alpha`, dtype: STAGED_DTYPE, shape: [] };
  return { a: `${module}.lora_down.weight`, b: `${module}.lora_up.weight`, alpha, ...alphaOf(site) };
}

/** LyCORIS multiplies factors by it before it saves them; only its first versions saved it. */
function scalarWarnings(count: number): string[] {
  if (count === 0) return [];
  return [
    `${counted(count, 'module has', 'modules have')} a scalar, by which LyCORIS multiplies the update. The scalar is part of the ` +
      'scaling here; programs that ignore it get a different update from the source than from the result.',
  ];
}

function doraWarnings(hasMagnitudes: boolean): string[] {
  if (!hasMagnitudes) return [];
  return [
    'DoRA: the magnitude vectors (dora_scale) are carried over unchanged. Errors are those of scale·B·A, not of the ' +
      'normalised weights.',
  ];
}
