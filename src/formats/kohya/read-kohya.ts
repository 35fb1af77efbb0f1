import type { Adapter, FactorEntry, LoraModule, TensorEntry } from '../../adapter/adapter.ts';
import { shapesWithKernel, withKernel } from '../../adapter/factor-shapes.ts';
import {
  type Derivation,
  STAGED_DTYPE,
  type StagedTensor,
  type StagingPlan,
} from '../../adapter/staging-plan.ts';
import { AppError } from '../../errors/app-error.ts';
import type { ReadInput, ReadResult } from '../format.ts';
import type { ShownLayer } from '../layers/kernels-of.ts';
import { kernelsOf } from '../layers/kernels-of.ts';
import { mostFrequent } from '../pairs/most-frequent.ts';
import { copiedTensor, stagedEntries } from '../staged-entries.ts';
import type { DerivedModule } from './derived.ts';
import { checkSize, needed, sizeOf } from './factors.ts';
import { isPlain, readDerived } from './read-derived.ts';
import { alphaOfScale, decodeScalar } from './scalar.ts';
import { refuseModule, type Site, sortTensors } from './sort-tensors.ts';

const ORIGINS = {
  LoHa: 'LoHa',
  LoKr: 'LoKr',
  Tucker: 'LoRA with a core (lora_mid)',
  full: 'whole differences of weights (.diff)',
} as const;

/** An update whose layer is known: [] is the kernel of a linear one. */
type Kerneled = DerivedModule & { readonly kernel: readonly number[] };

/** A module as the file has it: a pair, or what becomes one. */
type Found<T extends DerivedModule = DerivedModule> =
  | { readonly module: LoraModule; readonly derived?: never }
  | { readonly site: Site; readonly derived: T };

interface Staged {
  readonly modules: readonly LoraModule[];
  readonly passthrough: readonly TensorEntry[];
  readonly staging: StagingPlan | null;
}

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
      isPlain(site) ? { module: readPlainPair(site, alpha) } : { site, derived: readDerived(site, alpha) },
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
      alpha: mostFrequent(modules.map(({ scale, rank }) => alphaOfScale(scale, rank))),
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

/**
 * A plain pair (sd-scripts, networks/lora.py): linear down [r, in], up [out, r]; convolution down [r, in, k…],
 * up [out, r, 1…]. Its scale is alpha/r, with r from the shape of down.
 * @param alpha null: the scale is 1
 * @throws AppError LORA_UNPAIRED, LORA_RANK_DIMS, LORA_RANK_ZERO, LORA_RANK_MISMATCH, UNSUPPORTED_DTYPE,
 *   UNSUPPORTED_LORA_VARIANT, ST_VALIDATION_OVERFLOW
 */
function readPlainPair(site: Site, alpha: number | null): LoraModule {
  const { module: name } = site;
  const down = needed(site, 'down', 'lora_down');
  const up = needed(site, 'up', 'lora_up');
  const told = `lora_down [${down.entry.shape}], lora_up [${up.entry.shape}]`;
  if (!up.entry.shape.slice(2).every((size) => size === 1)) {
    throw refuseModule('LORA_RANK_DIMS', name, `the shapes fit no kind of layer: ${told}`);
  }
  const rank = down.rows;
  if (up.columns !== rank) {
    const isGrouped = down.entry.shape.length > 2 && rank % up.columns === 0;
    const [code, what] = isGrouped
      ? (['UNSUPPORTED_LORA_VARIANT', `a grouped convolution (${rank / up.columns} groups)`] as const)
      : (['LORA_RANK_MISMATCH', `lora_down has rank ${rank}, lora_up has rank ${up.columns}`] as const);
    throw refuseModule(code, name, `${what}: ${told}`);
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

/** The tensor that holds the module's alpha, for the model. */
function alphaOf({ alpha }: Site): Pick<LoraModule, 'alpha'> {
  return alpha ? { alpha: { name: alpha.name, dtype: alpha.dtype, shape: alpha.shape } } : {};
}

/**
 * Plans the file of plain factors, and says where everything lies in it: pairs and other tensors as they are, derived
 * factors under kohya's names for a pair. Where nothing is derived, the source itself is that file.
 */
function stage(found: readonly Found<Kerneled>[], passthrough: readonly TensorEntry[]): Staged {
  if (!found.some(({ derived }) => derived)) {
    return {
      modules: found.map((one) => (one as { module: LoraModule }).module),
      passthrough,
      staging: null,
    };
  }
  const tensors: StagedTensor[] = [];
  const derivations: Derivation[] = [];
  for (const one of found) {
    if (one.derived) {
      tensors.push(...derivedPair(one.derived, derivations.length));
      derivations.push(one.derived.derivation);
    } else tensors.push(copiedTensor(one.module.a), copiedTensor(one.module.b));
  }
  tensors.push(...passthrough.map(copiedTensor));
  const entries = [...stagedEntries(tensors).values()];
  const modules = found.map((one, index) => {
    const [a, b] = [entries[2 * index] as FactorEntry, entries[2 * index + 1] as FactorEntry];
    return one.derived ? derivedModule(one.site, one.derived, a, b) : { ...one.module, a, b };
  });
  return { modules, passthrough: entries.slice(2 * found.length), staging: { tensors, derivations } };
}

function derivedPair({ derivation, kernel }: Kerneled, index: number): StagedTensor[] {
  const { module } = derivation;
  const shapes = shapesWithKernel(derivation, kernel);
  const made = (suffix: string, shape: readonly number[], factor: 'a' | 'b'): StagedTensor => ({
    name: `${module}.${suffix}.weight`,
    dtype: STAGED_DTYPE,
    shape,
    source: { kind: 'derived', derivation: index, factor },
  });
  return [made('lora_down', shapes.a, 'a'), made('lora_up', shapes.b, 'b')];
}

function derivedModule(
  site: Site,
  { derivation, kernel, scale }: Kerneled,
  a: FactorEntry,
  b: FactorEntry,
): LoraModule {
  const { module: name, m, n, rank } = derivation;
  const kind = kernel.length > 0 ? 'conv' : 'linear';
  // A whole difference has none, and LyCORIS loads no pair without (modules/locon.py, `make_module_from_state_dict`).
  const alpha = { name: `${name}.alpha`, dtype: STAGED_DTYPE, shape: [] };
  return { name, kind, a, b, rank, m, n, scale, alpha, ...alphaOf(site) };
}

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
