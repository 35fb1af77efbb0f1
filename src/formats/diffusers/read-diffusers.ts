import type { Adapter, AlphaTensor, LoraModule, TensorEntry } from '../../adapter/adapter.ts';
import { withKernel } from '../../adapter/factor-shapes.ts';
import { byName } from '../../adapter/tensor-name.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';
import type { ReadInput } from '../format.ts';
import { inferKernels } from '../layers/kernels-of.ts';
import { checkMagnitudes } from '../pairs/check-magnitudes.ts';
import { collectPairs } from '../pairs/collect-pairs.ts';
import { mostFrequent } from '../pairs/most-frequent.ts';
import { readPair } from '../pairs/read-pair.ts';
import { readScalar } from '../pairs/scalar.ts';
import type { PeftConfig } from '../peft/read-config.ts';
import { ADAPTER_METADATA, componentConfig, parseAdapterMetadata } from './adapter-metadata.ts';
import { type ModulePath, readDiffusersKey, readFactorName } from './tensor-keys.ts';

/** How far an alpha, which may be a float16, may be from the scale in the metadata. */
const SAME_SCALE = 1e-3;

/** What decides the scale of one module. */
interface ScaleSource {
  readonly component: string;
  /** PEFT's configuration of the component, where the metadata has one. */
  readonly config: PeftConfig | undefined;
  readonly alpha: number | undefined;
}

interface ReadModule {
  readonly module: LoraModule;
  readonly source: ScaleSource;
}

/**
 * Reads a file of diffusers or ai-toolkit. The scale of a module is the first of these that is known: that of the metadata
 * (as in diffusers' loader), its alpha/rank, 1. The name of a module is its component and path, such as
 * "unet.mid_block.attentions.0.proj_in".
 * @throws AppError CONFIG_*, FORMAT_MIXED, LORA_*, NO_LORA_TENSORS, UNSUPPORTED_DTYPE, UNSUPPORTED_LORA_VARIANT
 */
export async function readDiffusers({
  header,
  readTensor,
}: Pick<ReadInput, 'readTensor'> & { readonly header: NonNullable<ReadInput['header']> }): Promise<Adapter> {
  const { pairs, alphas, passthrough, hasBias, magnitudes } = collectPairs(
    'diffusers',
    header.tensors,
    readDiffusersKey,
  );
  const configs = new ConfigTable(header.metadata);
  const read: ReadModule[] = [];
  for (const [name, pair] of pairs) {
    const path = readFactorName(pair.a.name)!;
    const entry = alphas.get(name);
    const source = {
      component: path.component,
      config: configs.of(path.component),
      alpha: entry && (await readScalar(entry, readTensor)),
    };
    read.push({ module: withScale(readPair(name, pair), path, source, entry), source });
  }
  refuseHalfDora(read, magnitudes);
  const { kernels, warnings } = inferKernels(
    read.map(({ module: { name, n, a, kind } }) => ({
      name: kind === 'embedding' ? '' : name,
      n,
      kernel: a.shape.slice(2),
      dimensions: null,
    })),
    header.metadata,
  );
  const modules = read.map(({ module }, index) => withKernel(module, kernels[index]!)).sort(byName);
  const ranks = modules.map(({ rank }) => rank);
  return {
    format: 'diffusers',
    baseModel: configs.baseModel,
    alpha: mostFrequent(modules.map(({ scale, rank }) => scale * rank)),
    configRank: ranks.reduce((largest, rank) => Math.max(largest, rank), 1),
    useRslora: false,
    modules,
    passthrough,
    hasLoraBias: hasBias,
    config: {},
    metadata: header.metadata,
    warnings: [...configs.warnings, ...warnings, ...diffusersWarnings(read, magnitudes.size > 0)],
  };
}

/** Each component is loaded with a configuration of its own. */
function refuseHalfDora(read: readonly ReadModule[], magnitudes: ReadonlyMap<string, TensorEntry>): void {
  for (const component of new Set(read.map(({ source }) => source.component))) {
    const own = read.filter(({ source }) => source.component === component);
    const { config } = own[0]!.source;
    // ComfyUI, for which these files are made, looks up the vector of each module separately.
    if (!config && component === 'diffusion_model') continue;
    const field = component === '' ? 'use_dora' : `${component}.use_dora`;
    checkMagnitudes({
      setting: `${field}: true in ${ADAPTER_METADATA}`,
      isSet: config?.useDora ?? null,
      expected: new Map(own.map(({ module: { name } }) => [name, `${name}.lora_magnitude_vector`])),
      magnitudes: new Map(
        own.flatMap(({ module: { name } }) => {
          const tensor = magnitudes.get(name);
          return tensor ? [[name, tensor] as const] : [];
        }),
      ),
    });
  }
}

function withScale(
  module: Omit<LoraModule, 'scale'>,
  { path }: ModulePath,
  { config, alpha }: ScaleSource,
  entry: TensorEntry | undefined,
): LoraModule {
  const { name, rank } = module;
  const own: { alpha?: AlphaTensor } = entry
    ? { alpha: { name: entry.name, dtype: entry.dtype, shape: entry.shape } }
    : {};
  const fromAlpha = alpha === undefined ? undefined : alpha / rank;
  if (!config) return { ...module, ...own, scale: fromAlpha ?? 1 };
  const expected = config.rankPattern.find(path) ?? config.rank;
  if (expected !== rank) {
    throw new AppError(
      'CONFIG_RANK_MISMATCH',
      `Module ${quote(name)}: the tensors have rank ${rank}, but lora_adapter_metadata has ${expected}.`,
      { module: name, rank, expected },
    );
  }
  const scale =
    (config.alphaPattern.find(path) ?? config.alpha) / (config.useRslora ? Math.sqrt(rank) : rank);
  if (fromAlpha !== undefined && Math.abs(fromAlpha - scale) > SAME_SCALE * Math.abs(scale)) {
    throw new AppError(
      'CONFIG_ALPHA',
      `Tensor ${quote(entry!.name)}: this alpha gives the scaling ${fromAlpha}, but lora_adapter_metadata gives ${scale}.`,
      { tensor: entry!.name, scales: [fromAlpha, scale] },
    );
  }
  return { ...module, ...own, scale };
}

/** The configurations in the metadata, each read once. */
class ConfigTable {
  readonly #json: ReturnType<typeof parseAdapterMetadata>;
  readonly #configs = new Map<string, PeftConfig | undefined>();

  constructor(metadata: ReadonlyMap<string, string>) {
    this.#json = parseAdapterMetadata(metadata);
  }

  of(component: string): PeftConfig | undefined {
    if (!this.#json) return undefined;
    if (!this.#configs.has(component)) this.#configs.set(component, componentConfig(this.#json, component));
    return this.#configs.get(component);
  }

  get baseModel(): string | null {
    return [...this.#configs.values()].find((config) => config?.baseModel)?.baseModel ?? null;
  }

  get warnings(): string[] {
    const unconfigured = [...this.#configs].filter(([, config]) => !config).map(([component]) => component);
    return [
      ...[...this.#configs.values()].flatMap((config) => config?.warnings ?? []),
      ...unconfigured.map(
        (component) =>
          `lora_adapter_metadata has no configuration of ${component === '' ? 'modules without a component' : component}, ` +
          'so the scalings of these modules come from their alphas, or are 1.',
      ),
    ];
  }
}

/** Warnings about a file of diffusers: scales on which programs disagree, and DoRA. */
function diffusersWarnings(read: readonly ReadModule[], hasMagnitudes: boolean): string[] {
  const open = read.filter(({ source }) => !source.config);
  const components = new Set(open.map(({ source }) => source.component));
  const warnings = [...components].flatMap((component) =>
    scaleWarnings(
      component === '' ? 'the file' : component,
      open.filter(({ source }) => source.component === component),
    ),
  );
  if (hasMagnitudes) {
    warnings.push(
      'DoRA: the magnitude vectors are carried over unchanged. Errors are those of scale·B·A, not of the normalised weights.',
    );
  }
  return warnings;
}

/**
 * Without metadata, diffusers uses one alpha for all modules that have none: the most frequent of the others, or the
 * rank of the first module (utils/peft_utils.py, `get_peft_kwargs`). Trainers and other readers use a scale of 1.
 */
function scaleWarnings(where: string, read: readonly ReadModule[]): string[] {
  const without = read.filter(({ source }) => source.alpha === undefined);
  if (without.length === 0) return [];
  if (without.length < read.length) {
    return [
      `${where} lacks the alpha of ${without.length} of ${read.length} modules. A missing scaling is taken to be 1; diffusers ` +
        'uses the most frequent alpha of the other modules.',
    ];
  }
  const ranks = new Set(read.map(({ module }) => module.rank));
  return ranks.size === 1
    ? []
    : [
        `${where} has ranks from ${Math.min(...ranks)} to ${Math.max(...ranks)} and no alphas. Every scaling is taken to be 1; ` +
          'diffusers uses the first rank as the alpha of all modules.',
      ];
}
