import { setTimeout as sleep } from 'node:timers/promises';
import Fastify, { type FastifyInstance } from 'fastify';
import { Connections } from '../http/connections.ts';
import { LazyValidators } from '../http/lazy-validators.ts';
import { accessDocumentation } from '../http/plugins/access-documentation.ts';
import { audit } from '../http/plugins/audit.ts';
import { bodyTimeout } from '../http/plugins/body-timeout.ts';
import { errors, sendProblem } from '../http/plugins/errors.ts';
import { hostAndOrigin } from '../http/plugins/host-and-origin.ts';
import { httpMetrics } from '../http/plugins/http-metrics.ts';
import { jsonBody } from '../http/plugins/json-body.ts';
import { mediaTypes } from '../http/plugins/media-types.ts';
import { multipart } from '../http/plugins/multipart.ts';
import { refuseWhenFull } from '../http/plugins/refuse-when-full.ts';
import { refuseWhenStopping } from '../http/plugins/refuse-when-stopping.ts';
import { RequestLog } from '../http/plugins/request-log.ts';
import { RouteTable } from '../http/plugins/route-table.ts';
import { securityHeaders } from '../http/plugins/security-headers.ts';
import { tracing } from '../http/plugins/tracing.ts';
import { answerExpectations } from '../http/raw-errors.ts';
import { REQUEST_ID_HEADER } from '../http/schemas.ts';
import { serverOptions } from '../http/server-options.ts';
import { adapterArchiveRoutes } from '../resources/adapters/archive-routes.ts';
import { adapterChangeRoutes } from '../resources/adapters/change-routes.ts';
import { adapterFileRoutes } from '../resources/adapters/file-routes.ts';
import { adapterListRoutes } from '../resources/adapters/list-routes.ts';
import { adapterRoutes } from '../resources/adapters/routes.ts';
import { batchListRoutes } from '../resources/batches/list-routes.ts';
import { batchRoutes } from '../resources/batches/routes.ts';
import { formatRoutes } from '../resources/capabilities/format-routes.ts';
import { profileRoutes } from '../resources/capabilities/profile-routes.ts';
import { idempotency } from '../resources/idempotency/idempotency-hook.ts';
import { forgetWhenChanged } from '../resources/jobs/answer-final-job.ts';
import { jobControlRoutes } from '../resources/jobs/control-routes.ts';
import { jobEventRoutes } from '../resources/jobs/event-routes.ts';
import { jobFileRoutes } from '../resources/jobs/file-routes.ts';
import { FinalJobs } from '../resources/jobs/final-jobs.ts';
import { jobListRoutes } from '../resources/jobs/list-routes.ts';
import { RenderedReports } from '../resources/jobs/rendered-reports.ts';
import { jobReportRoutes } from '../resources/jobs/report-routes.ts';
import { jobRoutes } from '../resources/jobs/routes.ts';
import { squeezeRoutes } from '../resources/jobs/squeeze-routes.ts';
import { authentication } from '../resources/keys/authentication.ts';
import { keyRoutes } from '../resources/keys/routes.ts';
import { workspaceOf } from '../resources/own-workspace.ts';
import { runListRoutes } from '../resources/runs/list-routes.ts';
import { runRemovalRoutes } from '../resources/runs/removal-routes.ts';
import { runRoutes } from '../resources/runs/routes.ts';
import { scheduleRoutes } from '../resources/runs/schedule-routes.ts';
import { rateLimit } from '../resources/tenants/rate-limit.ts';
import { tenantRoutes } from '../resources/tenants/routes.ts';
import { usageRoutes } from '../resources/tenants/usage-routes.ts';
import { adapterFromUploads } from '../resources/uploads/adapter-from-uploads.ts';
import { uploadRoutes } from '../resources/uploads/routes.ts';
import { webhookDeliveryRoutes } from '../resources/webhooks/delivery-routes.ts';
import { webhookRoutes } from '../resources/webhooks/routes.ts';
import { NO_TRACING } from '../tracing/tracing.ts';
import type { AuthOptions, HttpDependencies, ProbeDependencies } from './http-dependencies.ts';
import { metricsRoutes } from './metrics-routes.ts';
import { openapi } from './openapi-plugin.ts';
import { pageRoutes } from './page-routes.ts';
import { probeRoutes } from './probe-routes.ts';

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
  app.decorateRequest('ownWorkspace', null);
  await app.register(authentication, {
    onAdmitted: (request, tenant) => {
      request.ownWorkspace = workspaces.of(tenant);
    },
    metrics: deps.metrics,
    keys: auth.mode === 'keys' ? keys : undefined,
    adminKey: auth.adminKey,
    failedKeysPerMinute: auth.failedKeysPerMinute,
  });
  await app.register(rateLimit, { quotas: workspaces.quotas, counter: deps.rates, metrics: deps.metrics });
  await app.register(refuseWhenFull, { checkRoom: async () => workspaces.database.checkRoom() });
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
  await app.register(jobReportRoutes, { reports });
  await app.register(adapterArchiveRoutes, {
    reportOf: (request, jobId) => reports.get(workspaceOf(request), jobId, { as: 'html', isServed: false }),
  });
  for (const routes of [adapterFileRoutes, jobFileRoutes]) await app.register(routes);
  await app.register(adapterRoutes, {
    deps,
    fromUploads: (request, body) => adapterFromUploads(request, body, deps),
  });
  await app.register(squeezeRoutes, { deps });
  await app.register(runRoutes, { deps });
  await app.register(uploadRoutes, { deps });
  await app.register(keyRoutes, { keys });
  await app.register(tenantRoutes, {
    tenants: deps.tenants,
    quotas: workspaces.quotas,
    database: workspaces.database,
  });
  for (const routes of [
    jobListRoutes,
    adapterListRoutes,
    batchListRoutes,
    runListRoutes,
    adapterChangeRoutes,
    runRemovalRoutes,
    usageRoutes,
  ])
    await app.register(routes);
  await app.register(jobEventRoutes, {
    streams: deps.limits.eventStreams,
    maxConnections: deps.connections?.max,
  });
  for (const routes of [webhookRoutes, webhookDeliveryRoutes])
    await app.register(routes, { parts: deps.webhooks });
  for (const routes of [jobControlRoutes, batchRoutes]) await app.register(routes);
  for (const routes of [profileRoutes, formatRoutes, scheduleRoutes]) await app.register(routes);
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
