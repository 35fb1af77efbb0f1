import { type Static, Type } from 'typebox';
import { FormatNameSchema } from './adapter.ts';
import { listOf } from './page.ts';

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
    converts_to: Type.Array(FormatNameSchema, {
      description: 'Formats that its adapters can be written in besides their own',
    }),
    notes: Type.Array(Type.String()),
  },
  { $id: 'Format', additionalProperties: false },
);
export type FormatRecord = Static<typeof FormatRecord>;

export const FormatList = listOf('FormatList', FormatRecord);
