import { isDeepStrictEqual } from 'node:util';
import type { Adapter } from '../../adapter/adapter.ts';
import type { FormatName } from '../../adapter/format-name.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../json/quote.ts';
import { KEY } from '../gguf/key-values.ts';
import type { MergeTerm, StackedModule } from './merge-modules.ts';
import { mergeConfig } from './peft-config.ts';

/** Configuration and metadata of a sum. */
export type SumSettings = Pick<Adapter, 'config' | 'metadata'>;

/**
 * The configuration and the metadata of a sum, in the format of its terms.
 * @throws AppError MERGE_BASE_MISMATCH, MERGE_UNSUPPORTED if settings of the format cannot be combined
 */
export function sumSettings(terms: readonly MergeTerm[], modules: readonly StackedModule[]): SumSettings {
  const metadata = commonMetadata(terms);
  const { format, config } = terms[0]!.adapter;
  refuseOther(terms, 'invocation tokens of aLoRA', invocationTokens);
  switch (format) {
    case 'peft':
      refuseOther(
        terms,
        'target_parameters',
        ({ config: { target_parameters } }) => new Set(asList(target_parameters)),
      );
      return { config: mergeConfig(terms, modules), metadata };
    case 'mlx':
      return { config: mlxConfig(terms, modules), metadata };
    case 'gguf':
      refuseOtherArchitecture(terms);
      return { config, metadata };
    case 'cloneofsimo':
      refuseOtherLayers(terms);
      return { config, metadata };
    default:
      return { config, metadata };
  }
}

/** The format that all terms have. @throws AppError MERGE_UNSUPPORTED naming two that differ */
export function commonFormat([first, ...others]: readonly MergeTerm[]): FormatName {
  const { format } = first!.adapter;
  const other = others.find(({ adapter }) => adapter.format !== format);
  if (!other) return format;
  throw unsupported(
    [first!, other],
    `is in the format ${format}, but adapter ${other.id} is in the format ${other.adapter.format}: convert one of them first`,
  );
}

/** Entries on which all adapters agree, without those of earlier squeezes. */
function commonMetadata([first, ...others]: readonly MergeTerm[]): Map<string, string> {
  return new Map(
    [...first!.adapter.metadata].filter(
      ([key, value]) =>
        !key.startsWith('lora_squeeze.') &&
        others.every(({ adapter }) => adapter.metadata.get(key) === value),
    ),
  );
}

/** The tokens after which an adapter acts, in PEFT or llama.cpp. */
const invocationTokens = ({ config }: Adapter): unknown =>
  config.alora_invocation_tokens ?? config[KEY.invocationTokens] ?? null;

/** @throws AppError MERGE_UNSUPPORTED if two terms differ in a setting that has to be the same */
function refuseOther(
  [first, ...others]: readonly MergeTerm[],
  what: string,
  read: (adapter: Adapter) => unknown,
): void {
  const other = others.find(({ adapter }) => !isDeepStrictEqual(read(adapter), read(first!.adapter)));
  if (other) throw unsupported([first!, other], `and adapter ${other.id} have different ${what}`);
}

/**
 * mlx-lm looks up layers by name in every block, so the names of all terms are listed. If the terms differ in num_layers, it
 * becomes −1, every block (mlx_lm/tuner/utils.py, `linear_to_lora_layers`).
 */
function mlxConfig(terms: readonly MergeTerm[], modules: readonly StackedModule[]): Adapter['config'] {
  const configs = terms.map(({ adapter }) => adapter.config);
  const [first] = configs;
  const isSame = configs.every(({ num_layers }) => num_layers === first!.num_layers);
  const keys = modules.map(({ like }) => BLOCK.exec(like.name.replace(/#\d+$/, ''))?.[1] ?? like.name);
  const parameters = first!.lora_parameters as Readonly<Record<string, unknown>>;
  return {
    ...first,
    num_layers: isSame ? first!.num_layers : -1,
    lora_parameters: { ...parameters, keys: [...new Set(keys)].sort() },
  };
}
const BLOCK = /\.(?:layers|h)\.\d+\.(.+)$/;

function refuseOtherArchitecture([first, ...others]: readonly MergeTerm[]): void {
  const architectureOf = ({ adapter }: MergeTerm): string => String(adapter.config[KEY.architecture]);
  const other = others.find((term) => architectureOf(term) !== architectureOf(first!));
  if (!other) return;
  const [one, two] = [architectureOf(first!), architectureOf(other)];
  throw new AppError(
    'MERGE_BASE_MISMATCH',
    `The adapters cannot be merged: adapter ${first!.id} has the architecture ${quote(one)}, but adapter ${other.id} has ${quote(two)}.`,
    { adapters: [first!.id, other.id], base_models: [one, two] },
  );
}

/** Layers are numbered by the classes that the metadata lists, so that the same number has to mean the same layer. */
function refuseOtherLayers(terms: readonly MergeTerm[]): void {
  const model = (name: string): string => name.slice(0, name.indexOf(':'));
  for (const name of new Set(
    terms.flatMap(({ adapter }) => adapter.modules.map((module) => model(module.name))),
  )) {
    const having = terms.filter(({ adapter }) =>
      adapter.modules.some((module) => model(module.name) === name),
    );
    refuseOther(having, `layers of ${quote(name)}`, ({ metadata, modules }) => [
      metadata.get(name),
      modules.filter((module) => model(module.name) === name).length,
    ]);
  }
}

function unsupported([first, other]: readonly [MergeTerm, MergeTerm], what: string): AppError {
  return new AppError('MERGE_UNSUPPORTED', `The adapters cannot be merged: adapter ${first.id} ${what}.`, {
    adapters: [first.id, other.id],
  });
}

const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
