import { type Static, Type } from 'typebox';
import { FORMAT_NAMES } from '../adapter/format-name.ts';
import { SIZE_CLASSES } from '../adapter/tensor-class.ts';
import { choice, nullable } from './choice.ts';
import { ExpiresAt, Labels, PATCH_RULES, RecordName, TtlSeconds } from './labels.ts';

/** The format in which an adapter is stored; see GET /v1/capabilities. */
export const FormatNameSchema = choice(FORMAT_NAMES, {
  $id: 'FormatName',
  description: 'See GET /v1/capabilities',
});

/** One file of an adapter, as served at /v1/adapters/{id}/files/{name}. */
export const AdapterFile = Type.Object(
  {
    name: Type.String({ examples: ['adapter_model.safetensors'] }),
    sha256: Type.String({ description: 'SHA-256 of the content, hex' }),
    bytes: Type.Integer({ minimum: 0 }),
  },
  { $id: 'AdapterFile', additionalProperties: false },
);
export type AdapterFile = Static<typeof AdapterFile>;

/** How many bytes one class of tensors takes in a weights file. */
export const SizePart = Type.Object(
  {
    what: choice(SIZE_CLASSES, {
      description:
        'lora: factors and alphas. heads: also everything else that modules_to_save names. base_layers: base ' +
        'weights saved along with a module that has LoRA. magnitudes: those of DoRA',
    }),
    tensors: Type.Integer({ minimum: 1 }),
    bytes: Type.Integer({ minimum: 0, description: 'Size of their data, without the header of the file' }),
  },
  { $id: 'SizePart', additionalProperties: false },
);

/**
 * An adapter, either uploaded or the result of a job. Each one is a separate record, even if the content is the same.
 */
export const AdapterRecord = Type.Object(
  {
    id: Type.String(),
    name: RecordName,
    format: FormatNameSchema,
    sha256: Type.String({ description: 'SHA-256 of the weights file, hex' }),
    bytes: Type.Integer({ description: 'Size of all files together' }),
    base_model: nullable(Type.String()),
    license: Type.Optional(
      Type.String({
        description: 'The license named in its model card, or in that of its source; absent if none is known',
        examples: ['apache-2.0'],
      }),
    ),
    modules: Type.Integer({ description: 'Number of LoRA pairs' }),
    ranks: Type.Object(
      { min: Type.Integer({ minimum: 1 }), max: Type.Integer({ minimum: 1 }) },
      { additionalProperties: false, description: 'Smallest and largest rank over the modules' },
    ),
    alpha: Type.Number({
      description: 'lora_alpha of the configuration; without one, the alpha of most modules',
    }),
    dtypes: Type.Array(Type.String(), { description: 'dtypes of the LoRA factors' }),
    parameters: Type.Integer({ description: 'Number of parameters in the LoRA factors' }),
    passthrough_tensors: Type.Integer({ description: 'Number of tensors that are not part of a LoRA pair' }),
    size: Type.Optional(
      Type.Array(SizePart, { description: 'Size by kind of tensor; absent in records of older versions' }),
    ),
    files: Type.Array(AdapterFile),
    warnings: Type.Array(Type.String()),
    parent_id: nullable(Type.String(), {
      description:
        'The adapter from which this one was made; null for uploads and for merges of several adapters',
    }),
    job_id: nullable(Type.String(), {
      description: 'The job of which it is a result; null for uploads',
    }),
    labels: Labels,
    expires_at: ExpiresAt,
    created_at: Type.String({ format: 'date-time' }),
    content_known: Type.Optional(
      Type.Boolean({
        description:
          'Only in the response to an upload: whether you already had an adapter with the same weights and ' +
          'configuration',
      }),
    ),
  },
  { $id: 'Adapter', additionalProperties: false },
);
export type AdapterRecord = Static<typeof AdapterRecord>;

/** Body of PATCH /v1/adapters/{id}. */
export const AdapterPatch = Type.Object(
  {
    name: Type.Optional(RecordName),
    labels: Type.Optional(Labels),
    ttl_seconds: Type.Optional(
      nullable(TtlSeconds, {
        description: 'Seconds from now until the adapter is removed; null: it is kept',
      }),
    ),
  },
  {
    $id: 'AdapterPatch',
    ...PATCH_RULES,
  },
);
export type AdapterPatch = Static<typeof AdapterPatch>;
