import type { FastifyInstance, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import { Type } from 'typebox';
import { API_PREFIX } from '../principal.ts';

const NO_QUERY = Type.Object({}, { additionalProperties: false });

/** Operations without query parameters refuse all of them, just as other operations refuse unknown ones. */
export const closedQueries = fp(async (app: FastifyInstance) => {
  app.addHook('onRoute', (route: RouteOptions) => {
    const { schema, url } = route;
    if (!schema || schema.querystring || !url.startsWith(API_PREFIX)) return;
    route.schema = { ...schema, querystring: NO_QUERY };
  });
});
