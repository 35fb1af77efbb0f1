import { setTimeout as sleep } from 'node:timers/promises';
import Fastify, { type FastifyInstance } from 'fastify';
import { Connections } from '../http/connections.ts';
import { LazyValidators } from '../http/lazy-validators.ts';
import { hostAndOrigin, securityHeaders } from '../http/plugins/browser-safety.ts';
import { errors, RouteTable, sendProblem } from '../http/plugins/errors.ts';
import { httpMetrics, RequestLog, tracing } from '../http/plugins/observation.ts';
import { answerExpectations } from '../http/raw-errors.ts';
import { REQUEST_ID_HEADER } from '../http/schemas.ts';
import { serverOptions } from '../http/server-options.ts';
import { NO_TRACING } from '../tracing/tracing.ts';
import type { AuthOptions, ProbeDependencies } from './http-dependencies.ts';
import { openapi } from './openapi-plugin.ts';
import { metricsRoutes, probeRoutes } from './probe-routes.ts';

/**
 * Calls that submit work. Compiling their schemas takes most of a second, for which the first request should not have
 * to wait.
 */
const COMPILED_AHEAD = ['POST /v1/jobs', 'POST /v1/batches', 'POST /v1/squeeze'];

/** Probes and /metrics only, for processes without the API and for the separate port for probes. */
export async function buildProbeApp(deps: ProbeDependencies): Promise<FastifyInstance> {
  const app = await bareApp(deps);
  await app.register(openapi, { version: deps.version });
  return withProbes(app, deps);
}

/**
 * Stops listening and waits for the requests that are being answered, at most until `deadlineMs` by
 * `performance.now()`.
 */
export async function closeApp(app: FastifyInstance, deadlineMs: number): Promise<void> {
  const closed = app.close();
  await Promise.race([closed, sleep(Math.max(0, deadlineMs - performance.now()), undefined, { ref: false })]);
  app.server.closeAllConnections();
  await closed;
}

/** The basis of every listener: counted connections, traces, errors as problem documents; no routes yet. */
export async function bareApp(
  { logger, metrics, ...deps }: ProbeDependencies,
  auth?: AuthOptions,
): Promise<FastifyInstance> {
  const { listener = 'main' } = deps;
  const connections = new Connections({
    onCut: (reason) => metrics.connections.cut(listener, reason),
    ...deps.connections,
  });
  metrics.connections.watch(listener, connections);
  const ahead = deps.compilesAhead ? COMPILED_AHEAD : [];
  const validators = new LazyValidators(ahead, (part) => app.log.debug(part, 'validator compiled'));
  const app: FastifyInstance = Fastify({
    ...serverOptions(logger, connections, deps.trustedProxies),
    logController: new RequestLog(),
    // Responses are built by typed code; their schemas are the contract, not a filter. The serializer is set here,
    // because plugins that add schemas would otherwise create serializers that fill in defaults.
    schemaController: {
      compilersFactory: {
        buildValidator: validators.factory(),
        buildSerializer: () => () => JSON.stringify,
      },
    },
    // No hook runs for these errors.
    frameworkErrors: (error, request, reply) =>
      sendProblem(request, reply.header(REQUEST_ID_HEADER, request.id), error),
  }) as unknown as FastifyInstance;
  connections.attach(app.server);
  app.addHook('preClose', async () => connections.drain());
  answerExpectations(app.server);
  if (deps.compilesAhead) {
    app.addHook('onListen', () => validators.compileAhead());
    app.decorate('prepared', validators.done);
  }
  const routes = new RouteTable(app);
  // First, so that everything that concerns a request has the id of its trace.
  await app.register(tracing, { tracing: deps.tracing ?? NO_TRACING });
  await app.register(securityHeaders);
  await app.register(httpMetrics, { metrics });
  // Before any other check of the request, and for unknown routes as well.
  const { mode, allowedHosts = [] } = auth ?? {};
  await app.register(hostAndOrigin, { isOpen: mode === 'open', allowedHosts, metrics });
  await app.register(errors, { routes });
  return app;
}

/** Adds the probes and /metrics, the last routes of every app; after that, it can listen. */
export async function withProbes(app: FastifyInstance, deps: ProbeDependencies): Promise<FastifyInstance> {
  await app.register(probeRoutes, { deps });
  if (deps.hasMetrics ?? true) await app.register(metricsRoutes, { deps });
  await app.ready();
  return app;
}
