import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { AppError } from '../../errors/app-error.ts';
import { convertError } from '../convert-error.ts';
import { PROBLEM_MEDIA_TYPE, problemOf } from '../problem.ts';
import { AlreadyAnswered, replayResponse } from '../stored-response.ts';

/** Tells a client which credential it lacks (RFC 6750, section 3); undefined: the request failed for another reason. */
function challengeOf({ code, kind, context }: AppError): string | undefined {
  const challenge = 'Bearer realm="lora-squeeze"';
  if (code === 'SCOPE_MISSING') return `${challenge}, error="insufficient_scope", scope="${context.needed}"`;
  if (kind.status !== 401) return undefined;
  return code === 'KEY_MISSING' ? challenge : `${challenge}, error="invalid_token"`;
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, error: unknown): FastifyReply {
  const failure = convertError(error, request);
  const problem = problemOf(failure, request.id);
  reply.problemCode = failure.code;
  // Requests refused because of overload are not failures, and there may be thousands of them per second.
  if (problem.status >= 500 && failure.code !== 'SERVICE_OVERLOADED')
    request.log.error({ err: failure, code: failure.code }, 'request failed');
  else request.log.info({ code: failure.code, detail: problem.detail }, 'request refused');
  const { retry_after_seconds: retryAfterSeconds = failure.kind.retryAfterSeconds } = failure.context;
  if (typeof retryAfterSeconds === 'number') reply.header('retry-after', retryAfterSeconds);
  if (failure.code === 'METHOD_NOT_ALLOWED')
    reply.header('allow', (failure.context.allow as string[]).join(', '));
  const challenge = challengeOf(failure);
  if (challenge !== undefined) reply.header('www-authenticate', challenge);
  return reply
    .code(problem.status)
    .header('content-type', PROBLEM_MEDIA_TYPE)
    .header('cache-control', 'no-store')
    .serializer(JSON.stringify)
    .send(problem);
}

/** Answers every failure with a problem document, unknown routes and wrong methods included. */
export const errors = fp(async (app: FastifyInstance, { routes }: { routes: RouteTable }) => {
  app.setErrorHandler(async (error, request, reply) => {
    if (!(error instanceof AlreadyAnswered)) return sendProblem(request, reply, error);
    try {
      return await replayResponse(request, reply, error.answer);
    } catch (failure) {
      return sendProblem(request, reply, failure);
    }
  });
  app.setNotFoundHandler((request, reply) => sendProblem(request, reply, notFound(request, routes)));
  // Unknown routes are answered before their body is parsed, which would report an error of the body instead.
  app.addHook('onRequest', async (request) => {
    if (request.is404) throw notFound(request, routes);
  });
});

function notFound(request: FastifyRequest, routes: RouteTable): AppError {
  const path = request.url.split('?', 1)[0]!;
  const allow = routes.methodsOf(path);
  if (allow.length === 0)
    return new AppError('NOT_FOUND', `There is no ${JSON.stringify(path.slice(0, 200))} here.`);
  const detail = `${request.method} is not allowed for ${path.slice(0, 200)}; use ${allow.join(' or ')}.`;
  return new AppError('METHOD_NOT_ALLOWED', detail, { method: request.method, allow });
}

/** The methods of each path, which a 405 must list in its Allow header. Collects the routes as they are added. */
export class RouteTable {
  private readonly routes: { readonly segments: readonly string[]; readonly method: string }[] = [];

  constructor(app: FastifyInstance) {
    app.addHook('onRoute', ({ url, method }) => {
      for (const one of [method].flat()) this.routes.push({ segments: url.split('/'), method: one });
    });
  }

  /** The sorted methods of the routes that match a path; none if the path is unknown. */
  methodsOf(path: string): string[] {
    const segments = path.split('/');
    const found = this.routes.filter((route) => matches(route.segments, segments));
    return [...new Set(found.map((route) => route.method))].sort();
  }
}

function matches(pattern: readonly string[], path: readonly string[]): boolean {
  if (pattern.at(-1) !== '*' && pattern.length !== path.length) return false;
  return pattern.every((part, index) => {
    if (part === '*') return path.length > index;
    return part.startsWith(':') ? (path[index] ?? '') !== '' : part === path[index];
  });
}
