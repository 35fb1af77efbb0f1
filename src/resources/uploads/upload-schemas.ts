import { Type } from 'typebox';
import { UploadId } from '../../contract/upload.ts';
import { UploadHeaders } from '../../http/multipart/multipart-schema.ts';
import { textHeader } from '../../http/schemas.ts';

const text = (description: string, examples?: string[]) =>
  Type.Optional(Type.String({ description, ...(examples && { examples }) }));

export const UploadPath = Type.Object({ id: UploadId });

/** Any text: a value that is not an id is treated like an unknown id. */
export const AnyUploadPath = Type.Object({
  id: Type.String({ description: 'Id of an upload', examples: ['up_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d'] }),
});

/** `uploadFilename` checks the pattern of the name, because its message is more precise than that of a schema. */
export const PutQuery = Type.Object(
  {
    filename: text(
      'The file of an adapter: weights under any name that ends in .safetensors or .gguf, or ' +
        'adapter_config.json',
      ['adapter_model.safetensors'],
    ),
  },
  { additionalProperties: false },
);

const version = {
  'tus-resumable': text('Version of the protocol', ['1.0.0']),
};

/** The protocol library reads these headers; they are declared for the contract. */
export const CreateHeaders = Type.Object({
  ...version,
  'upload-length': text('Bytes of the whole file'),
  'upload-defer-length': text('`1`: a later PATCH announces the size'),
  'upload-metadata': text('Names, each with its value in Base64; `filename` is required', [
    'filename YWRhcHRlcl9tb2RlbC5zYWZldGVuc29ycw==',
  ]),
  ...UploadHeaders.properties,
});

export const PatchHeaders = Type.Object({
  ...version,
  'upload-offset': text('Position of these bytes: the number of bytes received so far'),
  'upload-length': text('Bytes of the whole file, if they were not announced before'),
  ...UploadHeaders.properties,
});

export const VersionHeaders = Type.Object(version);

export const TUS_RESUMABLE_HEADER = { 'tus-resumable': textHeader('Version of the protocol: 1.0.0') };
export const OFFSET_HEADERS = {
  ...TUS_RESUMABLE_HEADER,
  'upload-offset': textHeader('Number of bytes received'),
  'upload-expires': textHeader('When the upload is removed, as an HTTP date; absent once it is complete'),
};
export const STATE_HEADERS = {
  ...TUS_RESUMABLE_HEADER,
  'upload-offset': OFFSET_HEADERS['upload-offset'],
  'upload-length': textHeader('Bytes of the whole file, if known'),
  'upload-defer-length': textHeader('`1` if the size is not known yet'),
  'upload-metadata': textHeader('The metadata that was sent'),
};
export const CAPABILITY_HEADERS = {
  ...TUS_RESUMABLE_HEADER,
  'tus-version': textHeader('Versions of the protocol'),
  'tus-extension': textHeader('Extensions of the protocol'),
  'tus-max-size': textHeader('Bytes of the largest file'),
};
