import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { type TSchema, Type } from 'typebox';
import {
  ConnectionChange,
  ConnectionList,
  ConnectionListQuery,
  ConnectionRecord,
  ConnectionRequest,
} from '../../contract/connection.ts';
import { ConnectionName } from '../../contract/connection-name.ts';
import { codesOfGroups } from '../../errors/error-kinds.ts';
import { listOptions, pageRequestOf, sendPage, singlePage } from '../../http/paging.ts';
import { principalOf } from '../../http/principal.ts';
import { asComponent, LOCATION, problems, REMOVED, reference, response } from '../../http/schemas.ts';
import { workspaceOf } from '../own-workspace.ts';
import { connectionChangeExample, connectionExample, connectionRequestExample } from './examples.ts';
import { CONNECTION_ERRORS, type ConnectionParts, ConnectionService } from './service.ts';

const ConnectionPath = Type.Object({ name: ConnectionName });

const EXAMPLES: readonly (readonly [TSchema, unknown])[] = [
  [ConnectionRecord, connectionExample],
  [ConnectionRequest, connectionRequestExample],
  [ConnectionChange, connectionChangeExample],
  [ConnectionList, singlePage([connectionExample])],
];

/** Routes for connections: the places that adapters come from and go to, with the credentials for them. */
export const connectionRoutes: FastifyPluginAsyncTypebox<{ parts: ConnectionParts }> = async (
  app,
  { parts },
) => {
  for (const [schema, example] of EXAMPLES) app.addSchema({ ...asComponent(schema), examples: [example] });

  const connectionsOf = (request: FastifyRequest): ConnectionService =>
    new ConnectionService(workspaceOf(request).connectionStore, parts);
  const isAdmin = (request: FastifyRequest): boolean => principalOf(request).scopes.includes('admin');

  app.post(
    '/v1/connections',
    {
      config: { accepts: 'application/json' },
      schema: {
        operationId: 'createConnection',
        tags: ['connections'],
        summary: 'Create a connection to a bucket, the Hub or a server',
        description:
          'Sources and sinks of jobs then need no credentials: `s3://models/in/x` uses the connection whose ' +
          'prefix includes it. Credentials are stored encrypted and never shown. A connection that uses the ' +
          "service's own identity (`ambient`), or reaches hosts that are not public (`allowed_hosts`), requires a " +
          'key with the scope `admin`.',
        body: reference(ConnectionRequest),
        response: {
          201: response('The connection, without its credentials', reference(ConnectionRecord), {
            headers: LOCATION,
          }),
          ...problems(...codesOfGroups('json', 'json-body'), ...CONNECTION_ERRORS.create),
        },
      },
    },
    async (request, reply) => {
      const connection = await connectionsOf(request).create(request.body, isAdmin(request));
      return reply.code(201).header('location', `/v1/connections/${connection.name}`).send(connection);
    },
  );

  app.get(
    '/v1/connections',
    listOptions(ConnectionListQuery, ConnectionList, {
      operationId: 'listConnections',
      tags: ['connections'],
      summary: 'List connections, the newest first',
      description:
        'The list has no credentials. Pass `next_cursor` of each page as `cursor` to get the next one, ' +
        'until it is null.',
    }),
    async (request, reply) => {
      const page = pageRequestOf(request.query, 'conn');
      return sendPage(request, reply, await connectionsOf(request).page(request.query.kind, page));
    },
  );

  app.get(
    '/v1/connections/:name',
    {
      schema: {
        operationId: 'getConnection',
        tags: ['connections'],
        summary: 'Get a connection',
        params: ConnectionPath,
        response: {
          200: response('The connection, without its credentials', reference(ConnectionRecord)),
          ...problems('VALIDATION_FAILED', ...CONNECTION_ERRORS.get),
        },
      },
    },
    async (request, reply) =>
      reply.header('cache-control', 'no-store').send(await connectionsOf(request).get(request.params.name)),
  );

  app.patch(
    '/v1/connections/:name',
    {
      config: { accepts: 'application/json' },
      schema: {
        operationId: 'updateConnection',
        tags: ['connections'],
        summary: 'Change a connection or its credentials',
        description:
          'The change applies to everything that uses the connection from now on, including waiting jobs. ' +
          'A change that would send its credentials to new places (another `endpoint`, or a prefix ' +
          'that is not within the current ones) must include the credentials.',
        params: ConnectionPath,
        body: reference(ConnectionChange),
        response: {
          200: response('The changed connection', reference(ConnectionRecord)),
          ...problems(...codesOfGroups('json', 'json-body'), ...CONNECTION_ERRORS.change),
        },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      return reply.send(await connectionsOf(request).change(name, request.body, isAdmin(request)));
    },
  );

  app.delete(
    '/v1/connections/:name',
    {
      schema: {
        operationId: 'deleteConnection',
        tags: ['connections'],
        summary: 'Delete a connection and its credentials',
        description: 'Waiting jobs that use it fail with `CONNECTION_NOT_FOUND`.',
        params: ConnectionPath,
        response: { 204: REMOVED, ...problems('VALIDATION_FAILED', ...CONNECTION_ERRORS.remove) },
      },
    },
    async (request, reply) => {
      await connectionsOf(request).remove(request.params.name, isAdmin(request));
      return reply.code(204).send(null);
    },
  );
};
