import type { TensorEntry } from '../../adapter/adapter.ts';
import { byName } from '../../adapter/tensor-name.ts';
import { AppError } from '../../errors/app-error.ts';
import { counted } from '../../errors/counted.ts';
import { quote } from '../../json/quote.ts';
import type { SafetensorsHeader } from '../../safetensors/header.ts';
import type { DerivedModule } from '../derived/derived.ts';
import { readDerived } from '../derived/read-derived.ts';
import { type Part, refuseModule, refuseTensor, type Site } from '../derived/site.ts';
import { type Found, stageDerived } from '../derived/stage-derived.ts';
import type { ReadResult } from '../format.ts';
import { mixedFormats, refuseUnusable } from '../pairs/foreign-tensors.ts';
import { mostFrequent } from '../pairs/most-frequent.ts';
import { type AdaloraRanks, adaloraScale } from './adalora-ranks.ts';
import type { PeftMethod } from './other-methods.ts';
import type { PeftConfig } from './read-config.ts';
import { readPeftKey } from './tensor-keys.ts';

type Algorithm = Exclude<PeftMethod, 'lora'>;

const PREFIX = /^base_model\.model\./;
/** The adapter's name follows in state dicts that were saved without save_pretrained. */
const PARTS: Readonly<Record<Algorithm, RegExp>> = {
  loha: /^(.+)\.hada_(w[12]_[ab]|t[12])(?:\.[^.]+)?$/,
  lokr: /^(.+)\.lokr_(w[12](?:_[ab])?|t2)(?:\.[^.]+)?$/,
  adalora: /^(.+)\.lora_([ABE])(?:\.(?!weight$)[^.]+)?$/,
};
/** AdaLoRA's number of directions, which some releases of PEFT save although it is in the configuration. */
const RANK_NUMBER = /\.ranknum(?:\.[^.]+)?$/;

/**
 * Reads LoHa, LoKr or AdaLoRA as PEFT saves it (peft/tuners/loha, lokr, adalora). The first two have the mathematics and
 * the names of LyCORIS. Modules of AdaLoRA without any direction left are omitted.
 * @throws AppError LORA_*, NO_LORA_TENSORS, CONFIG_RANK_MISMATCH, FORMAT_MIXED, UNSUPPORTED_*, ST_VALIDATION_OVERFLOW
 */
export function readOtherMethod({ tensors, metadata }: SafetensorsHeader, config: PeftConfig): ReadResult {
  const { sites: all, carried } = sortSites(tensors, config.method as Algorithm);
  const sites = all.filter((site) => !isWithoutRank(site));
  if (sites.length === 0) throw noTensors(tensors.length);
  const found = sites.map((site): Found => {
    const derived = config.adalora
      ? readAdalora(site, config.alpha, config.adalora)
      : readLycoris(site, config);
    const [first] = site.parts.values();
    const prefix = PREFIX.exec(first!.name)?.[0] ?? '';
    const names = {
      a: `${prefix}${site.module}.lora_A.weight`,
      b: `${prefix}${site.module}.lora_B.weight`,
    };
    return { site, derived, names };
  });
  const { modules, passthrough, staging, warnings } = stageDerived(found, carried, metadata);
  // The ranks are larger than before, and so are the alphas of the same scales.
  const alpha = mostFrequent(modules.map(({ scale, rank }) => scale * rank));
  if (!Number.isFinite(alpha)) {
    throw new AppError('CONFIG_ALPHA', `In adapter_config.json, alpha ${config.alpha} is too large.`, {
      field: 'alpha',
    });
  }
  return {
    adapter: {
      format: 'peft',
      baseModel: config.baseModel,
      alpha,
      configRank: modules.reduce((largest, { rank }) => Math.max(largest, rank), 1),
      useRslora: false,
      modules,
      passthrough,
      hasLoraBias: false,
      config: config.fields,
      metadata,
      warnings: [...config.warnings, ...warnings, ...leftOut(all.length - sites.length)],
    },
    staging,
  };
}

/** The scale is alpha/r of the configuration even if no factor has the rank r. @throws AppError as readDerived */
function readLycoris(site: Site, config: PeftConfig): DerivedModule {
  const rank = config.rankPattern.find(site.module) ?? config.rank;
  // Its factors have the rank that the configuration says if alpha = r makes the scale 1.
  const derived = readDerived(site, rank);
  if (derived.scale !== 1) throw otherRank(site, Math.round(rank / derived.scale), rank);
  return { ...derived, scale: (config.alphaPattern.find(site.module) ?? config.alpha) / rank };
}

/** @throws AppError as readDerived; CONFIG_RANK_MISMATCH */
function readAdalora(site: Site, alpha: number, ranks: AdaloraRanks): DerivedModule {
  const derived = readDerived(site, null);
  const { rank } = derived.derivation;
  const configRank = ranks.left.get(site.module) ?? ranks.initial;
  if (rank !== configRank) throw otherRank(site, rank, configRank);
  return { ...derived, scale: adaloraScale(alpha, ranks) };
}

const otherRank = ({ module }: Site, rank: number, configRank: number): AppError =>
  refuseModule(
    'CONFIG_RANK_MISMATCH',
    module,
    `has tensors of rank ${rank}, but adapter_config.json gives rank ${configRank}`,
  );

/** AdaLoRA may leave a module without any direction: its tensors are then present but empty. */
const isWithoutRank = ({ algorithm, parts }: Site): boolean =>
  algorithm === 'adalora' && parts.size === 3 && [...parts.values()].every(({ shape }) => shape.includes(0));

const leftOut = (count: number): string[] =>
  count === 0
    ? []
    : [
        `AdaLoRA left ${counted(count, 'module')} without any rank. Such modules change nothing and are omitted.`,
      ];

/** The tensors by module, in the order of the names, and the tensors that are carried over, such as heads. */
function sortSites(
  tensors: readonly TensorEntry[],
  algorithm: Algorithm,
): { readonly sites: readonly Site[]; readonly carried: readonly TensorEntry[] } {
  const open = new Map<string, Map<Part, TensorEntry>>();
  const carried: TensorEntry[] = [];
  for (const tensor of tensors) {
    refuseUnusable(tensor);
    if (algorithm === 'adalora' && RANK_NUMBER.test(tensor.name)) continue;
    const path = tensor.name.replace(PREFIX, '');
    const [, module, part] = PARTS[algorithm].exec(path) ?? [];
    if (module !== undefined) {
      const parts = open.get(module) ?? new Map<Part, TensorEntry>();
      const other = parts.get(part as Part);
      if (other)
        throw refuseTensor(
          'LORA_DUPLICATE_MODULE',
          tensor,
          `is the same part of the module as ${quote(other.name)}`,
        );
      open.set(module, parts.set(part as Part, tensor));
      continue;
    }
    const key = readPeftKey(path);
    if (key.role === 'foreign') throw mixedFormats('peft', tensor, key.what);
    if (key.role !== 'other') {
      throw refuseTensor(
        'UNSUPPORTED_LORA_VARIANT',
        tensor,
        'belongs to LoRA, but peft_type is another method',
      );
    }
    carried.push(tensor);
  }
  if (open.size === 0) throw noTensors(tensors.length);
  const sites = [...open.keys()].sort().map((module) => ({
    module,
    algorithm,
    parts: open.get(module)!,
    alpha: null,
    magnitude: null,
  }));
  return { sites, carried: carried.sort(byName) };
}

const noTensors = (count: number): AppError =>
  new AppError(
    'NO_LORA_TENSORS',
    `adapter_model.safetensors has ${counted(count, 'tensor')}, but none for the method that peft_type names.`,
    { tensors: count },
  );
