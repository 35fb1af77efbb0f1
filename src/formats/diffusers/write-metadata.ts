import { Buffer } from 'node:buffer';
import type { Adapter, ModulePlan, ScaleMode } from '../../adapter/adapter.ts';
import type { JsonObject, JsonValue } from '../../json/strict-json.ts';
import { parseConfigJson, toPlain } from '../peft/config-json.ts';
import { encodeConfig, writeConfig } from '../peft/write-config.ts';
import { componentConfig, fieldsOf, inMetadata, parseAdapterMetadata } from './adapter-metadata.ts';
import { type FactorName, moduleNameOf, readDiffusersKey } from './tensor-keys.ts';

/** A module's plan with its name taken apart. */
export interface PlacedPlan {
  readonly plan: ModulePlan;
  readonly place: FactorName;
}

/**
 * The value of `lora_adapter_metadata`: everything the source's said, with ranks and scales of every component as they
 * are written. diffusers makes its LoraConfig of nothing else once the key is there, so that each component gets all
 * that loading needs.
 * @param scale what is left of the modules' scales
 * @throws AppError CONFIG_TOO_LARGE when thousands of modules have ranks or scales of their own
 */
export function writeAdapterMetadata(
  adapter: Adapter,
  placed: readonly PlacedPlan[],
  scale: ScaleMode,
): string {
  const json: JsonObject = parseAdapterMetadata(adapter.metadata) ?? new Map<string, JsonValue>();
  const fields = new Map<string, JsonValue>(json);
  for (const component of new Set(placed.map(({ place }) => place.component))) {
    const prefix = component === '' ? '' : `${component}.`;
    const own = placed.filter(({ place }) => place.component === component);
    for (const [field, value] of componentFields(adapter, component, own, scale, json)) {
      fields.set(`${prefix}${field}`, value);
    }
  }
  return Buffer.from(encodeConfig(fields)).toString('utf8').trimEnd();
}

function componentFields(
  adapter: Adapter,
  component: string,
  placed: readonly PlacedPlan[],
  scale: ScaleMode,
  json: JsonObject,
): JsonObject {
  const source = componentConfig(json, component);
  // A component of the source that says nothing of its scale still has what it said.
  const before = new Map([...missingFields(adapter, placed), ...fieldsOf(json, component)]);
  const like: Adapter = {
    ...adapter,
    useRslora: source?.useRslora ?? false,
    config: Object.fromEntries([...before].map(([field, value]) => [field, toPlain(value, field)])),
  };
  const plans = placed.map(({ plan, place }) => ({ ...plan, module: { ...plan.module, name: place.path } }));
  return inMetadata(component, () => parseConfigJson(writeConfig(like, plans, scale)));
}

/** What diffusers would have found out by itself without metadata (utils/peft_utils.py, `get_peft_kwargs`). */
function missingFields(adapter: Adapter, placed: readonly PlacedPlan[]): JsonObject {
  const modules = new Set(placed.map(({ place }) => moduleNameOf(place)));
  const has = (role: 'magnitude' | 'bias'): boolean =>
    adapter.passthrough.some(({ name }) => {
      const key = readDiffusersKey(name);
      return key.role === role && modules.has(key.module);
    });
  return new Map<string, JsonValue>([
    ['target_modules', placed.map(({ place }) => place.path)],
    ['use_dora', has('magnitude')],
    ['lora_bias', has('bias')],
  ]);
}
