import { Type } from 'typebox';
import { UploadId } from '../../contract/upload.ts';
import { UploadHeaders } from '../../http/multipart/multipart-schema.ts';

const text = (description: string, examples?: string[]) =>
  Type.Optional(Type.String({ description, ...(examples && { examples }) }));
const header = (description: string) => ({ type: 'string', description }) as const;

export const UploadPath = Type.Object({ id: UploadId });

/** Any text: what is no id leads nowhere, as an unknown one. */
export const AnyUploadPath = Type.Object({
  id: Type.String({ description: 'Id of an upload', examples: ['up_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d'] }),
});

/** The pattern of the name is looked at by `uploadFilename`, which can say more of what is wrong. */
export const PutQuery = Type.Object(
  {
    filename: text(
      'Which file of an adapter it is: weights, by any name that ends in .safetensors or .gguf, or adapter_config.json',
      ['adapter_model.safetensors'],
    ),
  },
  { additionalProperties: false },
);

const version = {
  'tus-resumable': text('Version of the protocol', ['1.0.0']),
};

/** Read by the library that speaks the protocol; here so that the contract has them. */
export const CreateHeaders = Type.Object({
  ...version,
  'upload-length': text('Bytes of the whole file'),
  'upload-defer-length': text('`1`: the size is announced by a later PATCH'),
  'upload-metadata': text('Names with values in Base64; `filename` has to be there', [
    'filename YWRhcHRlcl9tb2RlbC5zYWZldGVuc29ycw==',
  ]),
  ...UploadHeaders.properties,
});

export const PatchHeaders = Type.Object({
  ...version,
  'upload-offset': text('Where these bytes go: the number of those that are there'),
  'upload-length': text('Bytes of the whole file, where that was deferred'),
  ...UploadHeaders.properties,
});

export const LookHeaders = Type.Object(version);

export const TUS_RESUMABLE_HEADER = { 'tus-resumable': header('Version of the protocol: 1.0.0') };
export const OFFSET_HEADERS = {
  ...TUS_RESUMABLE_HEADER,
  'upload-offset': header('Bytes that are there'),
  'upload-expires': header('When the upload is removed, as a date of HTTP; absent once it is complete'),
};
export const STATE_HEADERS = {
  ...TUS_RESUMABLE_HEADER,
  'upload-offset': OFFSET_HEADERS['upload-offset'],
  'upload-length': header('Bytes of the whole file, where they are known'),
  'upload-defer-length': header('`1` where they are not'),
  'upload-metadata': header('As it was sent'),
};
export const ABILITY_HEADERS = {
  ...TUS_RESUMABLE_HEADER,
  'tus-version': header('Versions of the protocol'),
  'tus-extension': header('Extensions of the protocol'),
  'tus-max-size': header('Bytes of the largest file'),
};
