import { setTimeout as sleep } from 'node:timers/promises';
import Fastify, { type FastifyInstance } from 'fastify';
import { NO_TRACING } from '../tracing/tracing.ts';
import { forgetWhenChanged } from './answer-cache/answer-final-job.ts';
import { FinalJobs } from './answer-cache/final-jobs.ts';
import { Connections } from './connections.ts';
import type { AuthOptions, HttpDependencies, ProbeDependencies } from './dependencies.ts';
import { LazyValidators } from './lazy-validators.ts';
import { accessDocumentation } from './plugins/access-documentation.ts';
import { audit } from './plugins/audit.ts';
import { authentication } from './plugins/authentication.ts';
import { bodyTimeout } from './plugins/body-timeout.ts';
import { errors, sendProblem } from './plugins/errors.ts';
import { hostAndOrigin } from './plugins/host-and-origin.ts';
import { httpMetrics } from './plugins/http-metrics.ts';
import { idempotency } from './plugins/idempotency.ts';
import { jsonBody } from './plugins/json-body.ts';
import { mediaTypes } from './plugins/media-types.ts';
import { multipart } from './plugins/multipart.ts';
import { openapi } from './plugins/openapi.ts';
import { queueBoard } from './plugins/queue-board.ts';
import { rateLimit } from './plugins/rate-limit.ts';
import { refuseWhenFull } from './plugins/refuse-when-full.ts';
import { refuseWhenStopping } from './plugins/refuse-when-stopping.ts';
import { RequestLog } from './plugins/request-log.ts';
import { RouteTable } from './plugins/route-table.ts';
import { securityHeaders } from './plugins/security-headers.ts';
import { tracing } from './plugins/tracing.ts';
import { answerExpectations } from './raw-errors.ts';
import { RenderedReports } from './rendered-reports.ts';
import { adapterArchiveRoutes } from './routes/adapter-archive.ts';
import { adapterChangeRoutes } from './routes/adapter-changes.ts';
import { adapterFileRoutes } from './routes/adapter-files.ts';
import { adapterRoutes } from './routes/adapters.ts';
import { batchRoutes } from './routes/batches.ts';
import { formatRoutes } from './routes/formats.ts';
import { jobControlRoutes } from './routes/job-control.ts';
import { jobEventRoutes } from './routes/job-events.ts';
import { jobFileRoutes } from './routes/job-files.ts';
import { jobReportRoutes } from './routes/job-report.ts';
import { jobRoutes } from './routes/jobs.ts';
import { keyRoutes } from './routes/keys.ts';
import { listRoutes } from './routes/lists.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { pageRoutes } from './routes/page.ts';
import { probeRoutes } from './routes/probes.ts';
import { profileRoutes } from './routes/profiles.ts';
import { runRemovalRoutes } from './routes/run-removal.ts';
import { runRoutes } from './routes/runs.ts';
import { scheduleRoutes } from './routes/schedules.ts';
import { squeezeRoutes } from './routes/squeeze.ts';
import { tenantRoutes } from './routes/tenants.ts';
import { uploadRoutes } from './routes/uploads.ts';
import { usageRoutes } from './routes/usage.ts';
import { webhookDeliveryRoutes } from './routes/webhook-deliveries.ts';
import { webhookRoutes } from './routes/webhooks.ts';
import { REQUEST_ID_HEADER } from './schemas.ts';
import { serverOptions } from './server-options.ts';

/**
 * What work comes through. Compiling it takes most of a second, which its first request must not take longer: while
 * Redis is silent that would be refused later than is promised.
 */
const COMPILED_AHEAD = ['POST /v1/jobs', 'POST /v1/batches', 'POST /v1/squeeze'];

const DEFAULT_BODY_TIMEOUT_MS = 30_000;

/** The whole API, ready to listen. */
export async function buildApp(deps: HttpDependencies): Promise<FastifyInstance> {
  const { bodyTimeoutMs = DEFAULT_BODY_TIMEOUT_MS } = deps.limits;
  const app = await bareApp(deps, deps.auth);
  const { workspaces, keys, auth } = deps;
  await app.register(audit, { audit: deps.audit });
  await app.register(refuseWhenStopping, { isShuttingDown: deps.isShuttingDown ?? (() => false) });
  await app.register(authentication, {
    workspaces,
    metrics: deps.metrics,
    keys: auth.mode === 'keys' ? keys : undefined,
    adminKey: auth.adminKey,
    failedKeysPerMinute: auth.failedKeysPerMinute,
  });
  await app.register(rateLimit, { workspaces, counter: deps.rates, metrics: deps.metrics });
  await app.register(refuseWhenFull, { workspaces });
  await app.register(idempotency, { claims: deps.claims, secrets: deps.webhooks });
  await app.register(accessDocumentation);
  await app.register(mediaTypes);
  await app.register(jsonBody);
  await app.register(bodyTimeout, { bodyTimeoutMs });
  await app.register(multipart);
  await app.register(openapi, { version: deps.version });
  const finals = new FinalJobs();
  app.addHook('onRoute', forgetWhenChanged(finals));
  await app.register(jobRoutes, { finals });
  const reports = new RenderedReports();
  app.addHook('onClose', () => reports.close());
  for (const routes of [jobReportRoutes, adapterArchiveRoutes]) await app.register(routes, { reports });
  for (const routes of [adapterFileRoutes, jobFileRoutes]) await app.register(routes);
  for (const routes of [adapterRoutes, squeezeRoutes, runRoutes, keyRoutes, tenantRoutes, uploadRoutes])
    await app.register(routes, { deps });
  for (const routes of [listRoutes, adapterChangeRoutes, runRemovalRoutes, usageRoutes])
    await app.register(routes);
  await app.register(jobEventRoutes, { deps });
  for (const routes of [webhookRoutes, webhookDeliveryRoutes])
    await app.register(routes, { parts: deps.webhooks });
  for (const routes of [jobControlRoutes, batchRoutes]) await app.register(routes);
  for (const routes of [profileRoutes, formatRoutes, scheduleRoutes]) await app.register(routes);
  if (deps.queueBoard) await app.register(queueBoard, deps.queueBoard);
  await app.register(pageRoutes);
  return withProbes(app, deps);
}

/** Probes and /metrics only: what a process without API answers, and every process on a port of its own for them. */
export async function buildProbeApp(deps: ProbeDependencies): Promise<FastifyInstance> {
  const app = await bareApp(deps);
  await app.register(openapi, { version: deps.version });
  return withProbes(app, deps);
}

/** Stops listening and waits for the requests that are being answered, until `deadlineMs` at most, by `performance.now()`. */
export async function closeApp(app: FastifyInstance, deadlineMs: number): Promise<void> {
  const closed = app.close();
  await Promise.race([closed, sleep(Math.max(0, deadlineMs - performance.now()), undefined, { ref: false })]);
  app.server.closeAllConnections();
  await closed;
}

async function bareApp(
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
    ...serverOptions(logger, connections),
    logController: new RequestLog(),
    // Responses are built by our own typed code; their schemas are the contract, not a filter. Said here, because
    // plugins that add schemas would make serializers anew, which fill in defaults.
    schemaController: {
      compilersFactory: {
        buildValidator: validators.factory(),
        buildSerializer: () => () => JSON.stringify,
      },
    },
    // No hook runs for these.
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
  // First, so that whatever a request says has the id of its trace.
  await app.register(tracing, { tracing: deps.tracing ?? NO_TRACING });
  await app.register(securityHeaders);
  await app.register(httpMetrics, { metrics });
  // Before anything looks at what is asked for; also where there is nothing of the kind.
  const { mode, allowedHosts = [] } = auth ?? {};
  await app.register(hostAndOrigin, { isOpen: mode === 'open', allowedHosts, metrics });
  await app.register(errors, { routes });
  return app;
}

async function withProbes(app: FastifyInstance, deps: ProbeDependencies): Promise<FastifyInstance> {
  await app.register(probeRoutes, { deps });
  if (deps.hasMetrics ?? true) await app.register(metricsRoutes, { deps });
  await app.ready();
  return app;
}
