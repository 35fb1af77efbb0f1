import type { FastifyInstance, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import { Type } from 'typebox';
import { API_PREFIX } from '../principal.ts';

const NO_QUERY = Type.Object({}, { additionalProperties: false });

/** Has calls that take no parameters in their query refuse those that come, as other calls refuse unknown ones. */
export const closedQueries = fp(async (app: FastifyInstance) => {
  app.addHook('onRoute', (route: RouteOptions) => {
    const { schema, url } = route;
    if (!schema || schema.querystring || !url.startsWith(API_PREFIX)) return;
    route.schema = { ...schema, querystring: NO_QUERY };
  });
});
