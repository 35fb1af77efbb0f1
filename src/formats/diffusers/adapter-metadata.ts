import { Buffer } from 'node:buffer';
import { AppError } from '../../errors/app-error.ts';
import { JsonError } from '../../json/json-error.ts';
import { type JsonObject, type JsonValue, parseStrictJson } from '../../json/strict-json.ts';
import { CONFIG_JSON_CODES, toPlain } from '../peft/config-json.ts';
import { MAX_CONFIG_DEPTH } from '../peft/limits.ts';
import { type PeftConfig, readConfig } from '../peft/read-config.ts';
import { encodeConfig } from '../peft/write-config.ts';

/** Key of __metadata__ whose value is a JSON object of PEFT's LoraConfig, each field behind "<component>.". */
export const ADAPTER_METADATA = 'lora_adapter_metadata';

/** Fields that decide the scale: a component with one of them has a configuration. */
const DECIDING = ['r', 'lora_alpha'];

/**
 * The JSON of the metadata; undefined where there is none.
 * @throws AppError CONFIG_JSON, CONFIG_INVALID, CONFIG_TOO_DEEP, CONFIG_DUPLICATE_KEY, CONFIG_FORBIDDEN_KEY
 */
export function parseAdapterMetadata(metadata: ReadonlyMap<string, string>): JsonObject | undefined {
  const text = metadata.get(ADAPTER_METADATA);
  if (text === undefined) return undefined;
  const value = parse(text);
  if (value instanceof Map) {
    // Integers that a double would round could not be written back.
    inMetadata('', () => [...value].map(([field, item]) => toPlain(item, field)));
    return value;
  }
  throw new AppError('CONFIG_INVALID', `${ADAPTER_METADATA} must be a JSON object.`);
}

/** The fields of one component without its name; of '' those of a file without components. */
export function fieldsOf(json: JsonObject, component: string): JsonObject {
  const prefix = component === '' ? '' : `${component}.`;
  return new Map(
    [...json]
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => [key.slice(prefix.length), value]),
  );
}

/**
 * PEFT's configuration of one component, as diffusers hands it to LoraConfig (utils/peft_utils.py,
 * `_create_lora_config`); undefined where the metadata says nothing of it.
 * @throws AppError CONFIG_*, UNSUPPORTED_LORA_VARIANT
 */
export function componentConfig(json: JsonObject, component: string): PeftConfig | undefined {
  const fields = fieldsOf(json, component);
  if (!DECIDING.some((field) => fields.has(field))) return undefined;
  const withType = fields.has('peft_type') ? fields : new Map([...fields, ['peft_type', 'LORA'] as const]);
  return inMetadata(component, () => {
    const config = readConfig(encodeConfig(withType));
    if (config.method !== 'lora') {
      throw new AppError(
        'CONFIG_PEFT_TYPE',
        'In adapter_config.json, peft_type must be "LORA" in diffusers files.',
        {
          field: 'peft_type',
        },
      );
    }
    return { ...config, warnings: config.warnings.map((warning) => inMetadataOf(component, warning)) };
  });
}

/**
 * Runs code that reads or writes a configuration of PEFT; its messages name the metadata instead of the file.
 * @throws AppError what the code throws
 */
export function inMetadata<T>(component: string, code: () => T): T {
  try {
    return code();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError(error.code, inMetadataOf(component, error.message), error.context);
  }
}

const inMetadataOf = (component: string, message: string): string =>
  message.replace(
    'adapter_config.json',
    component === '' ? ADAPTER_METADATA : `${ADAPTER_METADATA} of ${component}`,
  );

function parse(text: string): JsonValue {
  try {
    return parseStrictJson(Buffer.from(text, 'utf8'), { maxDepth: MAX_CONFIG_DEPTH });
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new AppError(
      CONFIG_JSON_CODES[error.reason],
      `${ADAPTER_METADATA} is not valid JSON: ${error.message}.`,
      {
        position: error.position,
      },
    );
  }
}
