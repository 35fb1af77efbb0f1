import type { Profile } from '../profile.ts';
import type { KeptRule, Rule } from './rule.ts';
import { nameSome } from './rule.ts';

export const moduleKinds: Rule = ({ module_kinds: kinds }, { adapter }) => {
  const wrong = adapter.modules.filter(({ kind }) => !kinds.includes(kind));
  return wrong.length === 0
    ? { passed: true, detail: `The kind of every module is ${kinds.join(' or ')}.` }
    : {
        passed: false,
        detail: `Only ${kinds.join(' and ')} modules are supported, not ${nameSome(wrong.map(({ name, kind }) => `${name} (${kind})`))}: train without these.`,
      };
};

export const targetModules: Rule = ({ target_modules: targets }, { adapter }) => {
  if (targets === null) return null;
  const isSupported = (name: string): boolean =>
    targets.some((target) => name === target || name.endsWith(`.${target}`));
  const wrong = adapter.modules.map(({ name }) => name).filter((name) => !isSupported(name));
  return wrong.length === 0
    ? { passed: true, detail: 'Every module is supported.' }
    : {
        passed: false,
        detail: `Only ${targets.join(', ')} are supported, not ${nameSome(wrong)}: train without these.`,
      };
};

const NAMES: Readonly<Record<Exclude<Profile['tensor_names'], 'any'>, RegExp>> = {
  peft: /^base_model\.model\..+\.(?:lora_[AB]\.weight|lora_embedding_[AB])$/,
  suffix: /\.(?:lora_[AB]\.weight|lora_embedding_[AB])$/,
};

export const tensorNames: Rule = ({ tensor_names: form }, { adapter }) => {
  if (form === 'any') return null;
  const names = adapter.modules.flatMap(({ a, b }) => [a.name, b.name]);
  const wrong = names.filter((name) => !NAMES[form].test(name));
  return wrong.length === 0
    ? {
        passed: true,
        detail: `The names end in lora_A.weight and lora_B.weight${form === 'peft' ? ' after base_model.model' : ''}.`,
      }
    : {
        passed: false,
        detail: `PEFT’s save_pretrained names tensors base_model.model.<path>.lora_A.weight, not ${nameSome(wrong)}: save the adapter with save_pretrained.`,
      };
};

export const requiredConfig: KeptRule = ({ required_config: required }, { adapter }) => {
  if (required.length === 0) return null;
  const faults = required.flatMap(({ field, values }) => {
    const value = adapter.config[field];
    if (values === null) return value === undefined || value === null ? [`${field} must be set`] : [];
    return values.includes(value as string)
      ? []
      : [`${field} must be ${values.join(' or ')}, because the server loads nothing else`];
  });
  return faults.length === 0
    ? { passed: true, detail: `adapter_config.json has ${required.map(({ field }) => field).join(', ')}.` }
    : {
        passed: false,
        detail: `In adapter_config.json, ${faults.join(', and ')}.`,
      };
};

export const fileNames: Rule = ({ files: expected, formats }, { files, adapter }) => {
  if (expected.length === 0) return null;
  const remedy = formats.includes(adapter.format)
    ? ''
    : `: the adapter is in the format ${adapter.format}; set format to "${formats[0]}"`;
  const missing = expected.filter((name) => !files.some((file) => file.name === name));
  return missing.length === 0
    ? { passed: true, detail: `The adapter has ${expected.join(' and ')}.` }
    : {
        passed: false,
        detail: `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing${remedy}.`,
      };
};

export const size: Rule = ({ weights_bytes_below: limit }, { files }) => {
  if (limit === null) return null;
  const { name, bytes } = files.reduce((x, y) => (y.bytes > x.bytes ? y : x));
  return bytes < limit
    ? { passed: true, detail: `${name} has ${bytes} bytes, fewer than ${limit}.` }
    : {
        passed: false,
        detail: `${name} has ${bytes} bytes, but must have fewer than ${limit}: squeeze to a lower rank or to a 16-bit dtype.`,
      };
};
