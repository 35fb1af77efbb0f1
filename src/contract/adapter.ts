import { type Static, Type } from 'typebox';
import { FORMAT_NAMES, type FormatName } from '../adapter/format-name.ts';
import { SIZE_CLASSES, type SizeClass } from '../adapter/tensor-class.ts';
import { ExpiresAt, Labels } from './labels.ts';

/** How an adapter is written down; see GET /v1/formats. */
export const FormatNameSchema = Type.Unsafe<FormatName>(
  Type.Union(
    FORMAT_NAMES.map((name) => Type.Literal(name)),
    { description: 'See GET /v1/formats' },
  ),
);

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

/** What takes the space in a file of weights. */
export const SizePart = Type.Object(
  {
    what: Type.Unsafe<SizeClass>(
      Type.Union(
        SIZE_CLASSES.map((what) => Type.Literal(what)),
        {
          description:
            'lora: factors and alphas. heads: also what modules_to_save names. base_layers: base weights saved along ' +
            'with a module that LoRA is on. magnitudes: of DoRA',
        },
      ),
    ),
    tensors: Type.Integer({ minimum: 1 }),
    bytes: Type.Integer({ minimum: 0, description: 'Of their data, without the header of the file' }),
  },
  { additionalProperties: false },
);

/** An adapter: uploaded, or the result of a job. Its id is derived from its content. */
export const AdapterRecord = Type.Object(
  {
    id: Type.String({ description: 'Content-addressed: the same files have the same id' }),
    format: FormatNameSchema,
    sha256: Type.String({ description: 'SHA-256 of the weights file, hex' }),
    bytes: Type.Integer({ description: 'Size of all files together' }),
    base_model: Type.Union([Type.String(), Type.Null()]),
    modules: Type.Integer({ description: 'Number of LoRA pairs' }),
    ranks: Type.Object(
      { min: Type.Integer({ minimum: 1 }), max: Type.Integer({ minimum: 1 }) },
      { additionalProperties: false, description: 'Smallest and largest rank over the modules' },
    ),
    alpha: Type.Number({
      description: 'lora_alpha of the configuration; where there is none, the alpha of most modules',
    }),
    dtypes: Type.Array(Type.String(), { description: 'dtypes of the LoRA factors' }),
    parameters: Type.Integer({ description: 'Parameters in the LoRA factors' }),
    passthrough_tensors: Type.Integer({ description: 'Tensors that are not part of a LoRA pair' }),
    size: Type.Optional(
      Type.Array(SizePart, { description: 'What takes the space; absent in records of older versions' }),
    ),
    files: Type.Array(AdapterFile),
    warnings: Type.Array(Type.String()),
    parent_id: Type.Union([Type.String(), Type.Null()], {
      description: 'The adapter this one was made from; null for uploads and for sums of several',
    }),
    job_id: Type.Union([Type.String(), Type.Null()], { description: 'The job that first produced it' }),
    labels: Labels,
    expires_at: ExpiresAt,
    created_at: Type.String({ format: 'date-time' }),
  },
  { $id: 'Adapter', additionalProperties: false },
);
export type AdapterRecord = Static<typeof AdapterRecord>;
