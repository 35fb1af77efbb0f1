import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import type { IncomingFile } from '../../../adapter/digested-file.ts';
import { CARD_FILE, CONFIG_FILE, WEIGHTS_FILE } from '../../../adapter/file-names.ts';
import { MAX_SHARDS } from '../../../adapter/shard-names.ts';
import type { AdapterRecord } from '../../../contract/adapter.ts';
import { SqueezeRequest } from '../../../contract/job-request.ts';
import { Labels, RecordName, TtlSeconds } from '../../../contract/labels.ts';
import { invalidRequest } from '../../../http/convert-error.ts';
import { type BodyParts, REQUEST_FIELD } from '../../../http/multipart/body-parts.ts';
import { readRequestJson } from '../../../http/request-json.ts';
import { BINARY, reference } from '../../../http/schemas.ts';
import type { SchemaError } from '../../../http/validation-message.ts';
import { workspaceOf } from '../../own-workspace.ts';
import { checkStoredBytes, type QuotaWorkspace } from '../../tenants/usage.ts';
import type { AdapterSettings } from '../service.ts';
import { receiveAdapter, type UploadDependencies } from './receive-adapter.ts';

/** The form fields for the name, the labels and the time to live of an adapter. */
const NAME_FIELD = 'name';
const LABELS_FIELD = 'labels';
const TTL_FIELD = 'ttl_seconds';

/** The body of POST /v1/adapters. */
export const ADAPTER_BODY: BodyParts = {
  files: [WEIGHTS_FILE],
  // The reader of the format refuses an adapter whose format requires the configuration.
  optionalFiles: [CONFIG_FILE],
  droppedFiles: [CARD_FILE],
  isAnyFormat: true,
  fields: [NAME_FIELD, LABELS_FIELD, TTL_FIELD],
  // The most shards, their index, a configuration, a card, three fields, and one more so that a surplus part is
  // refused by name.
  maxParts: MAX_SHARDS + 7,
};

/** The body of POST /v1/squeeze: the same files, with the request as the only field. */
export const SQUEEZE_BODY: BodyParts = { ...ADAPTER_BODY, fields: [REQUEST_FIELD], maxParts: MAX_SHARDS + 5 };

const file = (description: string) => Type.Optional(Type.Unsafe<string>({ ...BINARY, description }));

const files = {
  [WEIGHTS_FILE]: file(
    'The weights, safetensors or GGUF. They may also be a part named `weights`, or any part with a filename that ends ' +
      'in .safetensors or .gguf. Exactly one file of weights is required, or all of `…-00001-of-0000N.safetensors`, with or ' +
      'without their `….safetensors.index.json`',
  ),
  weights: file('Another name for `adapter_model.safetensors`'),
  [CONFIG_FILE]: file('The configuration that PEFT and MLX write; other formats have none'),
  config: file('Another name for `adapter_config.json`'),
  [CARD_FILE]: file('The model card, from which the license is read'),
};

const settingsFields = {
  [NAME_FIELD]: Type.Optional(RecordName),
  [LABELS_FIELD]: Type.Optional(Labels),
  [TTL_FIELD]: Type.Optional(TtlSeconds),
};

/** The same bodies, as schemas of the contract. */
export const adapterParts = Type.Object({ ...files, ...settingsFields }, { additionalProperties: false });
export const squeezeParts = Type.Object(
  { ...files, [REQUEST_FIELD]: reference(SqueezeRequest) },
  { additionalProperties: false },
);

/** One shared object, because its compiled form is cached by identity and never evicted. */
const SettingsFields = Type.Object(settingsFields, { additionalProperties: false });

/**
 * How an uploaded adapter is kept: the fields `name`, a text, `labels`, a JSON object, and `ttl_seconds`, a number.
 * @throws AppError REQUEST_*, VALIDATION_FAILED, UNKNOWN_OPTION
 */
function readAdapterSettings(request: FastifyRequest, fields: ReadonlyMap<string, Buffer>): AdapterSettings {
  const sent = [LABELS_FIELD, TTL_FIELD].flatMap((name) => {
    const bytes = fields.get(name);
    return bytes ? [[name, readRequestJson(bytes, name)]] : [];
  });
  const named = fields.get(NAME_FIELD);
  if (named) sent.push([NAME_FIELD, named.toString('utf8')]);
  const values = Object.fromEntries(sent) as Static<typeof SettingsFields>;
  const validate = request.compileValidationSchema(SettingsFields, 'body');
  if (!validate(values)) throw invalidRequest((validate.errors ?? []) as readonly SchemaError[]);
  const { name, labels, ttl_seconds: ttlSeconds } = values;
  return {
    ...(name !== undefined && { name }),
    ...(labels && { labels }),
    ...(ttlSeconds !== undefined && { ttlSeconds }),
  };
}

export interface StoreOptions {
  /**
   * Called with the bytes of the `request` part when everything has arrived and before anything is stored; throws to
   * refuse.
   */
  readonly onRequest?: (request: Buffer | undefined) => Promise<void>;
}

/**
 * Receives an adapter from a multipart body and registers it.
 * @throws AppError as receiveAdapter, readAdapterSettings, checkStorageQuota and AdapterService.register
 */
export function storeUpload(
  request: FastifyRequest,
  deps: UploadDependencies,
  { onRequest }: StoreOptions = {},
): Promise<AdapterRecord> {
  const workspace = workspaceOf(request);
  return receiveAdapter(request, deps, {
    parts: onRequest ? SQUEEZE_BODY : ADAPTER_BODY,
    use: async ({ files, fields, license }) => {
      await onRequest?.(fields.get(REQUEST_FIELD));
      const settings = { ...readAdapterSettings(request, fields), ...(license !== undefined && { license }) };
      await checkStorageQuota(workspace, files);
      return workspace.adapters.register(files, settings, request.idempotent?.idOf('ad'));
    },
    outcomeOf: ({ content_known }) => (content_known ? 'known' : 'created'),
  });
}

/**
 * Refuses a received adapter if the tenant has no room for it. It counts in full, whatever content it shares with
 * others.
 * @throws AppError QUOTA_TOO_SMALL, QUOTA_STORED_BYTES, STORAGE_*
 */
export function checkStorageQuota(space: QuotaWorkspace, files: readonly IncomingFile[]): Promise<void> {
  return checkStoredBytes(
    space,
    files.reduce((sum, { bytes }) => sum + bytes, 0),
  );
}
