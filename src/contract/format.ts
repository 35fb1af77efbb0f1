import { type Static, Type } from 'typebox';
import { FormatNameSchema } from './adapter.ts';
import { choice } from './choice.ts';

const OptionNames = Type.Array(choice(['component', 'architecture', 'heads', 'kv_heads', 'base_model']));

/** A conversion from one format into another. */
const Conversion = Type.Object(
  {
    format: FormatNameSchema,
    needs: { ...OptionNames, description: 'Fields of `format_options` that a target must have' },
    takes: { ...OptionNames, description: 'Fields of `format_options` that a target may have besides' },
    limits: Type.Array(Type.String(), { description: 'What cannot be converted, one sentence each' }),
  },
  { $id: 'Conversion', additionalProperties: false },
);

/** A way to write adapters down, and what can be done with it here. */
export const FormatRecord = Type.Object(
  {
    name: FormatNameSchema,
    title: Type.String(),
    files: Type.Array(Type.String({ examples: ['adapter_model.safetensors'] }), {
      minItems: 1,
      description:
        'The files of its adapters as results have them, the weights first. Uploads may be called otherwise',
    }),
    reads: Type.Boolean({ description: 'Adapters of it can be uploaded' }),
    writes: Type.Boolean({ description: 'Results can be written in it' }),
    converts_to: Type.Array(Conversion, {
      description: 'What its adapters can be written in besides their own format',
    }),
    notes: Type.Array(Type.String()),
  },
  { $id: 'Format', additionalProperties: false },
);
export type FormatRecord = Static<typeof FormatRecord>;
