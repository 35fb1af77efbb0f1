import { type Static, Type } from 'typebox';
import { CONFIG_FILE, WEIGHTS_NAME_PATTERN } from '../adapter/file-names.ts';
import { nullable } from './choice.ts';
import { Labels, RecordName, TtlSeconds } from './labels.ts';
import { listOf } from './page.ts';

/** Chosen by the client with PUT, made by the service with POST. */
export const UploadId = Type.String({
  pattern: '^[A-Za-z0-9_-]{8,64}$',
  description: '8 to 64 letters, digits, underscores and hyphens',
  examples: ['up_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d'],
});

/** What a file that comes on its own may be called: weights anything, the configuration its name. */
export const UploadFilename = Type.String({
  pattern: `${WEIGHTS_NAME_PATTERN}|^${CONFIG_FILE.replace('.', '\\.')}$`,
  description:
    'The file of an adapter: weights under any name that ends in .safetensors or .gguf, or ' +
    'adapter_config.json',
  examples: ['adapter_model.safetensors'],
});
export type UploadFilename = Static<typeof UploadFilename>;

/** One file on its way in, or waiting for an adapter to be made of it. */
export const UploadRecord = Type.Object(
  {
    id: UploadId,
    filename: UploadFilename,
    received_bytes: Type.Integer({ minimum: 0 }),
    total_bytes: nullable(Type.Integer({ minimum: 0 }), {
      description: 'null: not announced yet',
    }),
    complete: Type.Boolean({ description: 'Whether an adapter can be made of it' }),
    sha256: nullable(Type.String({ pattern: '^[0-9a-f]{64}$' }), {
      description: 'SHA-256 of the whole file; null until it is complete',
    }),
    created_at: Type.String({ format: 'date-time' }),
    expires_at: Type.String({
      format: 'date-time',
      description: 'It is removed after this time, which moves with every byte that arrives',
    }),
  },
  { $id: 'Upload', additionalProperties: false },
);
export type UploadRecord = Static<typeof UploadRecord>;

export const UploadList = listOf('UploadList', UploadRecord);

const Configuration = Type.Union([
  UploadId,
  Type.Record(Type.String(), Type.Unknown(), { description: 'The configuration itself' }),
]);

/** An adapter to be made of files that are here already. */
export const AdapterFromUploads = Type.Object(
  {
    files: Type.Object(
      {
        'adapter_model.safetensors': Type.Optional(UploadId),
        weights: Type.Optional(UploadId),
        'adapter_config.json': Type.Optional(Configuration),
        config: Type.Optional(Configuration),
      },
      {
        additionalProperties: false,
        minProperties: 1,
        description:
          'Ids of complete uploads: of the weights, in any format and under either name, and of the configuration, ' +
          'if the format has one',
      },
    ),
    name: Type.Optional(RecordName),
    labels: Type.Optional(Labels),
    ttl_seconds: Type.Optional(TtlSeconds),
  },
  { $id: 'AdapterFromUploads', additionalProperties: false },
);
export type AdapterFromUploads = Static<typeof AdapterFromUploads>;
