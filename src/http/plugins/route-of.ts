import type { FastifyRequest } from 'fastify';

/** The pattern of a request's route; URLs that lead nowhere share one word, as they are endless. */
export const routeOf = (request: FastifyRequest): string =>
  request.is404 ? 'unknown' : (request.routeOptions?.url ?? 'unknown');
