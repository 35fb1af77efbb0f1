import { type Static, Type } from 'typebox';
import { FormatNameSchema } from './adapter.ts';
import { choice } from './choice.ts';

const OptionNames = Type.Array(choice(['component', 'architecture', 'heads', 'kv_heads', 'base_model']));

/** A conversion from one format into another. */
const Conversion = Type.Object(
  {
    format: FormatNameSchema,
    needs: {
      ...OptionNames,
      description: 'Fields of `format_options` that a target for this conversion must have',
    },
    takes: {
      ...OptionNames,
      description: 'Other fields of `format_options` that a target for this conversion may have',
    },
    limits: Type.Array(Type.String(), { description: 'What cannot be converted, one sentence each' }),
  },
  { $id: 'Conversion', additionalProperties: false },
);

/** A format for adapters, and what this service can do with it. */
export const FormatRecord = Type.Object(
  {
    name: FormatNameSchema,
    title: Type.String(),
    files: Type.Array(Type.String({ examples: ['adapter_model.safetensors'] }), {
      minItems: 1,
      description:
        'Names of the files of a result, with the weights first. Uploaded files may have other names',
    }),
    reads: Type.Boolean({ description: 'Whether adapters in this format can be uploaded' }),
    writes: Type.Boolean({ description: 'Whether results can be written in this format' }),
    converts_to: Type.Array(Conversion, {
      description: 'Formats to which adapters in this format can be converted',
    }),
    notes: Type.Array(Type.String()),
  },
  { $id: 'Format', additionalProperties: false },
);
export type FormatRecord = Static<typeof FormatRecord>;
