import type { Adapter, LoraModule } from '../../adapter/adapter.ts';
import { DTYPE_NAMES } from '../../adapter/dtype-names.ts';
import type { Profile } from '../profile.ts';
import type { Rule } from './rule.ts';
import { nameSome } from './rule.ts';

/**
 * Relative tolerance for scales: they are quotients of numbers from JSON, so equal ones may differ in their last
 * digits.
 */
const SAME = 1e-9;

/** The scale that the server gives to a module; PEFT's own is `module.scale`. */
function scaleThere({ scale }: Profile, adapter: Adapter, module: LoraModule): number {
  if (scale.formula === 'module') return module.scale;
  if (scale.formula === 'unstated') return 1;
  const rank = scale.formula === 'config' ? adapter.configRank : module.rank;
  return adapter.alpha / (adapter.useRslora && scale.rslora ? Math.sqrt(rank) : rank);
}

const FORMULAS: Readonly<Record<Profile['scale']['formula'], string>> = {
  module: 'Each module’s own alpha and rank are read',
  config: 'The server uses lora_alpha / r of adapter_config.json for all modules',
  'tensor-rank': 'The server divides lora_alpha by the rank of each module’s tensors',
  unstated: 'The formula is not documented, so the scaling must be 1',
};

/** Whether the server gives every module the scaling with which it was trained. */
export const scale: Rule = (profile, { adapter }) => {
  const formula = FORMULAS[profile.scale.formula];
  const off = adapter.modules.find(
    (module) => Math.abs(scaleThere(profile, adapter, module) - module.scale) > SAME * Math.abs(module.scale),
  );
  if (!off) return { passed: true, detail: `${formula}.` };
  const there = Number(scaleThere(profile, adapter, off).toPrecision(6));
  const rslora = adapter.useRslora && !profile.scale.rslora ? ' and use_rslora is ignored' : '';
  return {
    passed: false,
    detail:
      `${formula}${rslora}: ${off.name} would get the scaling ${there} instead of ${Number(off.scale.toPrecision(6))}; ` +
      'squeeze with scale "fold" to one rank.',
  };
};

/** Whether rank_pattern or alpha_pattern changes a value, for servers that refuse such files. */
export const patterns: Rule = (profile, { adapter }) => {
  if (profile.patterns !== 'refused') return null;
  const changing = (field: string, value: number): string[] => {
    const pattern = adapter.config[field];
    const entries = typeof pattern === 'object' && pattern !== null ? Object.entries(pattern) : [];
    return entries.filter(([, own]) => own !== value).map(([key]) => `${field}[${JSON.stringify(key)}]`);
  };
  const found = [
    ...changing('rank_pattern', adapter.configRank),
    ...changing('alpha_pattern', adapter.alpha),
  ];
  return found.length === 0
    ? { passed: true, detail: 'No module has a rank or alpha of its own.' }
    : {
        passed: false,
        detail: `The server refuses ${nameSome(found)}: squeeze with scale "fold" to one rank.`,
      };
};

export const dtype: Rule = ({ dtypes }, { adapter }) => {
  const found = [
    ...new Set(adapter.modules.flatMap(({ a, b }) => [DTYPE_NAMES[a.dtype], DTYPE_NAMES[b.dtype]])),
  ];
  const wrong = found.filter((name) => !dtypes.includes(name));
  return wrong.length === 0
    ? { passed: true, detail: `The dtype of the factors is ${found.join(' and ')}.` }
    : {
        passed: false,
        detail: `The dtype of factors is ${wrong.join(' and ')}: squeeze with dtype ${dtypes.join(' or ')}.`,
      };
};
