import type { AlphaTensor, FactorEntry, LoraModule, TensorEntry } from '../../adapter/adapter.ts';
import { shapesWithKernel, withKernel } from '../../adapter/factor-shapes.ts';
import {
  type Derivation,
  STAGED_DTYPE,
  type StagedTensor,
  type StagingPlan,
} from '../../adapter/staging-plan.ts';
import { counted } from '../../errors/counted.ts';
import { inferKernels, type ShownLayer } from '../layers/kernels-of.ts';
import { copiedTensor, stagedEntries } from '../staged-entries.ts';
import type { DerivedModule } from './derived.ts';
import { refuseModule, type Site } from './site.ts';

/**
 * The size of what a file may stand for, in float32: a few kilobytes of LoKr are enough for any size. A layer of
 * 262,144 × 8,192 at the largest rank of whole updates takes an eighth of the first.
 */
const MAX_DERIVED_BYTES = 2 ** 30;
const MAX_ALL_DERIVED_BYTES = 2 ** 35;
const FLOAT32_BYTES = 4;

const ORIGINS = {
  LoHa: 'LoHa',
  LoKr: 'LoKr',
  AdaLoRA: 'AdaLoRA',
  Tucker: 'LoRA with a core (lora_mid)',
  full: 'the whole difference of the weights (.diff)',
} as const;

/** What the two factors that are made of a site are called, and its alpha where the format has one. */
export interface PairNames {
  readonly a: string;
  readonly b: string;
  readonly alpha?: AlphaTensor;
}

/** An update from which a pair is derived. */
interface FoundUpdate<T extends DerivedModule = DerivedModule> {
  readonly site: Site;
  readonly derived: T;
  readonly names: PairNames;
}

/** A module as the file has it: a pair, or an update from which a pair is derived. */
export type Found<T extends DerivedModule = DerivedModule> =
  | { readonly module: LoraModule; readonly derived?: never }
  | FoundUpdate<T>;

/** An update of a known layer; the kernel of a linear layer is []. */
type Kerneled = DerivedModule & { readonly kernel: readonly number[] };

export interface StagedUpdates {
  readonly modules: readonly LoraModule[];
  readonly passthrough: readonly TensorEntry[];
  readonly staging: StagingPlan | null;
  readonly warnings: readonly string[];
}

/**
 * Plans the file of plain factors and the positions in it: pairs and other tensors as they are, derived
 * factors under the names of a pair. If nothing is derived, the source itself is that file.
 * @param metadata of the source, which may show the kinds of layers
 * @throws AppError UNSUPPORTED_LORA_VARIANT
 */
export function stageDerived(
  found: readonly Found[],
  passthrough: readonly TensorEntry[],
  metadata: ReadonlyMap<string, string>,
): StagedUpdates {
  checkDerivedSizes(found);
  const { kernels, warnings } = inferKernels(found.map(layerInFile), metadata);
  const known = found.map((one, index): Found<Kerneled> => {
    const kernel = kernels[index]!;
    return one.derived
      ? { ...one, derived: { ...one.derived, kernel } }
      : { module: withKernel(one.module, kernel) };
  });
  return { ...stage(known, passthrough), warnings: [...derivedWarnings(found), ...warnings] };
}

/** @throws AppError UNSUPPORTED_LORA_VARIANT naming the module */
function checkDerivedSizes(found: readonly Found[]): void {
  let all = 0;
  for (const { derived } of found) {
    if (!derived) continue;
    const { module, m, n, rank } = derived.derivation;
    const bytes = FLOAT32_BYTES * rank * (m + n);
    all += bytes;
    if (bytes > MAX_DERIVED_BYTES) {
      const what = `is stored as ${ORIGINS[derived.from]} and would need factors of ${bytes} bytes; the limit is ${MAX_DERIVED_BYTES}`;
      throw refuseModule('UNSUPPORTED_LORA_VARIANT', module, what);
    }
    if (all > MAX_ALL_DERIVED_BYTES) {
      const what = `brings the total size of the converted factors above the limit of ${MAX_ALL_DERIVED_BYTES} bytes`;
      throw refuseModule('UNSUPPORTED_LORA_VARIANT', module, what);
    }
  }
}

function stage(
  found: readonly Found<Kerneled>[],
  passthrough: readonly TensorEntry[],
): Omit<StagedUpdates, 'warnings'> {
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
      tensors.push(...derivedPair(one, derivations.length));
      derivations.push(one.derived.derivation);
    } else tensors.push(copiedTensor(one.module.a), copiedTensor(one.module.b));
  }
  tensors.push(...passthrough.map(copiedTensor));
  const entries = [...stagedEntries(tensors).values()];
  const modules = found.map((one, index) => {
    const [a, b] = [entries[2 * index] as FactorEntry, entries[2 * index + 1] as FactorEntry];
    return one.derived ? derivedModule(one, a, b) : { ...one.module, a, b };
  });
  return { modules, passthrough: entries.slice(2 * found.length), staging: { tensors, derivations } };
}

function derivedPair(
  { derived: { derivation, kernel }, names }: FoundUpdate<Kerneled>,
  index: number,
): StagedTensor[] {
  const shapes = shapesWithKernel(derivation, kernel);
  const staged = (name: string, shape: readonly number[], factor: 'a' | 'b'): StagedTensor => ({
    name,
    dtype: STAGED_DTYPE,
    shape,
    source: { kind: 'derived', derivation: index, factor },
  });
  return [staged(names.a, shapes.a, 'a'), staged(names.b, shapes.b, 'b')];
}

function derivedModule(
  { derived: { derivation, kernel, scale }, names: { alpha } }: FoundUpdate<Kerneled>,
  a: FactorEntry,
  b: FactorEntry,
): LoraModule {
  const { module: name, m, n, rank } = derivation;
  const kind = kernel.length > 0 ? 'conv' : 'linear';
  return { name, kind, a, b, rank, m, n, scale, ...(alpha ? { alpha } : {}) };
}

function derivedWarnings(found: readonly Found[]): string[] {
  return (Object.keys(ORIGINS) as (keyof typeof ORIGINS)[]).flatMap((origin) => {
    const ofOrigin = found.flatMap(({ derived }) => (derived?.from === origin ? [derived] : []));
    if (ofOrigin.length === 0) return [];
    const cut = ofOrigin.filter(({ isExact }) => !isExact).length;
    const ranks = ofOrigin.map(({ derivation }) => derivation.rank);
    const [minimum, maximum] = [Math.min(...ranks), Math.max(...ranks)];
    const rank = minimum === maximum ? `rank ${maximum}` : `ranks ${minimum} to ${maximum}`;
    const loss =
      cut === 0
        ? 'exactly'
        : `${ofOrigin.length === 1 ? '' : `${cut} of them `}approximately; reported errors contain what the factors leave out`;
    return [
      `${counted(ofOrigin.length, 'module is', 'modules are')} stored as ${ORIGINS[origin]}. The service converted ` +
        `${ofOrigin.length === 1 ? 'it' : 'them'} to LoRA of ${rank}, ${loss}.`,
    ];
  });
}

/** What the file shows of the layer itself. */
function layerInFile(found: Found): ShownLayer {
  if (!found.derived) {
    const { name, n, a } = found.module;
    return { name, n, kernel: a.shape.slice(2), dimensions: null };
  }
  const { derivation, kernel } = found.derived;
  const dimensions = found.site.magnitude?.shape.length ?? 0;
  return { name: derivation.module, n: derivation.n, kernel, dimensions: dimensions < 2 ? null : dimensions };
}
