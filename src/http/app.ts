import Fastify, { type FastifyInstance } from 'fastify';
import { NO_TRACING } from '../tracing/tracing.ts';
import type { HttpDependencies, ProbeDependencies } from './dependencies.ts';
import { bodyTimeout } from './plugins/body-timeout.ts';
import { errors, sendProblem } from './plugins/errors.ts';
import { httpMetrics } from './plugins/http-metrics.ts';
import { linger } from './plugins/linger.ts';
import { mediaTypes } from './plugins/media-types.ts';
import { multipart } from './plugins/multipart.ts';
import { openapi } from './plugins/openapi.ts';
import { queueBoard } from './plugins/queue-board.ts';
import { refuseWhenStopping } from './plugins/refuse-when-stopping.ts';
import { RequestLog } from './plugins/request-log.ts';
import { RouteTable } from './plugins/route-table.ts';
import { securityHeaders } from './plugins/security-headers.ts';
import { tracing } from './plugins/tracing.ts';
import { answerExpectations } from './raw-errors.ts';
import { adapterArchiveRoutes } from './routes/adapter-archive.ts';
import { adapterFileRoutes } from './routes/adapter-files.ts';
import { adapterRoutes } from './routes/adapters.ts';
import { jobFileRoutes } from './routes/job-files.ts';
import { jobRoutes } from './routes/jobs.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { probeRoutes } from './routes/probes.ts';
import { profileRoutes } from './routes/profiles.ts';
import { runRoutes } from './routes/runs.ts';
import { scheduleRoutes } from './routes/schedules.ts';
import { squeezeRoutes } from './routes/squeeze.ts';
import { REQUEST_ID_HEADER } from './schemas.ts';
import { serverOptions } from './server-options.ts';

const DEFAULT_BODY_TIMEOUT_MS = 30_000;
const DEFAULT_LINGER_MS = 2_000;

/** The whole API, ready to listen. */
export async function buildApp(deps: HttpDependencies): Promise<FastifyInstance> {
  const { bodyTimeoutMs = DEFAULT_BODY_TIMEOUT_MS, lingerMs = DEFAULT_LINGER_MS } = deps.limits;
  const app = await bareApp(deps);
  await app.register(linger, { lingerMs });
  await app.register(refuseWhenStopping, { isShuttingDown: deps.isShuttingDown ?? (() => false) });
  await app.register(mediaTypes);
  await app.register(bodyTimeout, { bodyTimeoutMs });
  await app.register(multipart);
  await app.register(openapi, { version: deps.version });
  const withDeps = [
    adapterRoutes,
    adapterFileRoutes,
    adapterArchiveRoutes,
    jobRoutes,
    jobFileRoutes,
    squeezeRoutes,
  ];
  for (const routes of withDeps) await app.register(routes, { deps });
  await app.register(profileRoutes);
  await app.register(scheduleRoutes);
  await app.register(runRoutes, { deps });
  if (deps.queueBoard) await app.register(queueBoard, deps.queueBoard);
  return withProbes(app, deps);
}

/** Probes and /metrics only: what a process without API answers. */
export async function buildProbeApp(deps: ProbeDependencies): Promise<FastifyInstance> {
  const app = await bareApp(deps);
  await app.register(openapi, { version: deps.version });
  return withProbes(app, deps);
}

async function bareApp({ logger, metrics, ...deps }: ProbeDependencies): Promise<FastifyInstance> {
  const app = Fastify({
    ...serverOptions(logger),
    logController: new RequestLog(),
    // No hook runs for these.
    frameworkErrors: (error, request, reply) =>
      sendProblem(request, reply.header(REQUEST_ID_HEADER, request.id), error),
  }) as unknown as FastifyInstance;
  answerExpectations(app.server);
  // Responses are built by our own typed code; their schemas are the contract, not a filter.
  app.setSerializerCompiler(() => JSON.stringify);
  const routes = new RouteTable(app);
  // First, so that whatever a request says has the id of its trace.
  await app.register(tracing, { tracing: deps.tracing ?? NO_TRACING });
  await app.register(securityHeaders);
  await app.register(httpMetrics, { metrics });
  await app.register(errors, { routes });
  return app;
}

async function withProbes(app: FastifyInstance, deps: ProbeDependencies): Promise<FastifyInstance> {
  await app.register(probeRoutes, { deps });
  await app.register(metricsRoutes, { deps });
  await app.ready();
  return app;
}
