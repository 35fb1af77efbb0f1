import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { codesOfGroups } from '../../errors/error-kinds.ts';
import { LOCATION, problems, type ResponseOptions } from '../../http/schemas.ts';
import { workspaceOf } from '../own-workspace.ts';
import type { UploadsDependencies } from './adapter-from-uploads.ts';
import { answerTus, TUS_BODY, TUS_ERRORS, UPLOADS_PATH } from './answer-tus.ts';
import {
  AnyUploadPath,
  CAPABILITY_HEADERS,
  CreateHeaders,
  OFFSET_HEADERS,
  PatchHeaders,
  STATE_HEADERS,
  TUS_RESUMABLE_HEADER,
  VersionHeaders,
} from './upload-schemas.ts';

const ONE = `${UPLOADS_PATH}/:id`;

/** A response that consists of headers only. */
const respond = (description: string, headers: NonNullable<ResponseOptions['headers']>) => ({
  ...Type.Unsafe<unknown>(Type.Null({ description })),
  headers,
});

/** Resumable uploads: tus 1.0 (https://tus.io/protocols/resumable-upload), for any of its clients. */
export const tusRoutes: FastifyPluginAsyncTypebox<{ deps: UploadsDependencies }> = async (app, { deps }) => {
  const answer = (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> =>
    answerTus(request, reply, deps.uploads.of(workspaceOf(request)), deps);

  app.options(
    UPLOADS_PATH,
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getUploadOptions',
        tags: ['uploads'],
        summary: 'Get the supported version and extensions of tus',
        response: {
          204: respond('The headers name the version and the extensions', CAPABILITY_HEADERS),
          ...problems(),
        },
      },
    },
    answer,
  );

  app.post(
    UPLOADS_PATH,
    {
      // The first bytes may be part of the request, and belong to what the headers describe.
      config: {
        idempotencyHeaders: ['upload-length', 'upload-defer-length', 'upload-metadata', 'content-type'],
      },
      schema: {
        operationId: 'createUpload',
        tags: ['uploads'],
        summary: 'Create a resumable upload',
        description: `The first bytes may be sent with this request, as \`${TUS_BODY}\`.`,
        headers: CreateHeaders,
        response: {
          201: respond('The upload was created', { ...OFFSET_HEADERS, ...LOCATION }),
          ...problems(...codesOfGroups('content'), ...TUS_ERRORS.create),
        },
      },
    },
    answer,
  );

  app.head(
    ONE,
    {
      // Fastify does not derive this HEAD from a GET, so the contract must list it.
      config: { swagger: { exposeHeadRoute: true } },
      schema: {
        operationId: 'getUploadOffset',
        tags: ['uploads'],
        summary: 'Get the offset of a resumable upload',
        description: 'Ends a PATCH that is still in progress; bytes that arrived are kept.',
        params: AnyUploadPath,
        headers: VersionHeaders,
        response: {
          200: respond('The headers have the state of the upload', STATE_HEADERS),
          ...problems(...TUS_ERRORS.find, ...codesOfGroups('content')),
        },
      },
    },
    answer,
  );

  app.patch(
    ONE,
    {
      config: { accepts: TUS_BODY },
      schema: {
        operationId: 'appendUpload',
        tags: ['uploads'],
        summary: 'Continue a resumable upload',
        description:
          'Bytes that arrived before a broken connection are kept, unless the request has a Content-Digest of all ' +
          'of them.',
        params: AnyUploadPath,
        headers: PatchHeaders,
        bytes: TUS_BODY,
        response: {
          204: respond('The bytes are stored durably', OFFSET_HEADERS),
          ...problems(...codesOfGroups('content'), ...TUS_ERRORS.append),
        },
      },
    },
    answer,
  );

  app.delete(
    ONE,
    {
      schema: {
        operationId: 'deleteUpload',
        tags: ['uploads'],
        summary: 'Delete an upload',
        params: AnyUploadPath,
        headers: VersionHeaders,
        response: {
          204: respond('Removed', TUS_RESUMABLE_HEADER),
          ...problems(...TUS_ERRORS.remove),
        },
      },
    },
    answer,
  );
};
