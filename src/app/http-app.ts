import type { FastifyInstance } from 'fastify';
import { eventStreamOptions, OpenStreams } from '../http/event-streams.ts';
import { accessDocumentation } from '../http/plugins/access-documentation.ts';
import { admission } from '../http/plugins/admission.ts';
import { audit } from '../http/plugins/audit.ts';
import { closedQueries } from '../http/plugins/closed-queries.ts';
import { refuseWhenFull, refuseWhenStopping } from '../http/plugins/refuse-new-work.ts';
import { requestBodies } from '../http/plugins/request-bodies.ts';
import { adapterArchiveRoutes, adapterFileRoutes } from '../resources/adapters/download-routes.ts';
import { adapterRoutes } from '../resources/adapters/routes.ts';
import { batchArchiveRoutes } from '../resources/batches/archive-routes.ts';
import { batchChangeRoutes } from '../resources/batches/change-routes.ts';
import { batchEventRoutes } from '../resources/batches/event-routes.ts';
import { batchItemRoutes } from '../resources/batches/item-routes.ts';
import { batchLineRoutes } from '../resources/batches/line-routes.ts';
import { batchResultRoutes } from '../resources/batches/result-routes.ts';
import { batchRoutes } from '../resources/batches/routes.ts';
import { capabilityRoutes } from '../resources/capabilities/routes.ts';
import { connectionRoutes } from '../resources/connections/routes.ts';
import { eventRoutes } from '../resources/events/routes.ts';
import { idempotency } from '../resources/idempotency/idempotency-hook.ts';
import { jobArtifactRoutes } from '../resources/jobs/artifact-routes.ts';
import { jobControlRoutes } from '../resources/jobs/control-routes.ts';
import { jobEventRoutes } from '../resources/jobs/event-routes.ts';
import { FinalJobCache, invalidateOnChange } from '../resources/jobs/final-job-cache.ts';
import { RenderedReports } from '../resources/jobs/rendered-reports.ts';
import { jobReportRoutes } from '../resources/jobs/report-routes.ts';
import { jobRoutes } from '../resources/jobs/routes.ts';
import { authentication } from '../resources/keys/authentication.ts';
import { keyRoutes } from '../resources/keys/routes.ts';
import { workspaceOf } from '../resources/own-workspace.ts';
import { checkpointRoutes } from '../resources/runs/checkpoint-routes.ts';
import { runRoutes } from '../resources/runs/routes.ts';
import { scheduleRoutes } from '../resources/runs/schedule-routes.ts';
import { secretRoutes } from '../resources/secrets/routes.ts';
import { actingFor } from '../resources/tenants/acting-for.ts';
import { rateLimit } from '../resources/tenants/rate-limit.ts';
import { tenantRoutes } from '../resources/tenants/routes.ts';
import { adapterFromUploadsRoutes } from '../resources/uploads/adapter-routes.ts';
import { uploadRoutes } from '../resources/uploads/routes.ts';
import { webhookDeliveryRoutes } from '../resources/webhooks/delivery-routes.ts';
import { webhookRoutes } from '../resources/webhooks/routes.ts';
import { wholeTenantRoutes } from '../resources/whole-tenant-routes.ts';
import { workerRoutes } from '../resources/workers/routes.ts';
import { onBehalfOfKey } from '../tracing/origin.ts';
import type { HttpDependencies } from './http-dependencies.ts';
import { openapi } from './openapi-plugin.ts';
import { pageRoutes } from './page-routes.ts';
import { bareApp, withProbes } from './probe-app.ts';

const DEFAULT_BODY_TIMEOUT_MS = 30_000;

/** The share of each in-flight limit that one tenant may use, so that there is room for others. */
const TENANT_SHARE = 0.75;

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
      const keyId = request.principal?.keyId;
      if (keyId) onBehalfOfKey(keyId);
      request.ownWorkspace = workspaces.of(tenant);
    },
    metrics: deps.metrics,
    keys: auth.mode === 'keys' ? keys : undefined,
    adminKey: auth.adminKey,
    tokens: auth.tokens,
    failedKeysPerMinute: auth.failedKeysPerMinute,
  });
  const { maxRequestsInFlight: maxRequests, maxUploadsInFlight: maxUploads } = deps.limits;
  const tenantShare = auth.mode === 'keys' ? TENANT_SHARE : 1;
  await app.register(admission, { maxRequests, maxUploads, tenantShare, metrics: deps.metrics });
  await app.register(actingFor, {
    limits: workspaces.limits,
    metrics: deps.metrics,
    onActingFor: (request, tenant) => {
      request.ownWorkspace = workspaces.of(tenant);
    },
  });
  await app.register(rateLimit, { limits: workspaces.limits, counter: deps.rates, metrics: deps.metrics });
  await app.register(refuseWhenFull, { checkFreeSpace: async () => workspaces.database.checkFreeSpace() });
  await app.register(idempotency, { claims: deps.claims, secrets: deps.webhooks });
  await app.register(closedQueries);
  await app.register(accessDocumentation);
  await app.register(requestBodies, { bodyTimeoutMs });
  await app.register(openapi, { version: deps.version });
  const finals = new FinalJobCache();
  app.addHook('onRoute', invalidateOnChange(finals));
  // The documentation shows the routes in this order, which is that of their use.
  for (const routes of [adapterRoutes, adapterFromUploadsRoutes]) await app.register(routes, { deps });
  await app.register(jobRoutes, { finals, deps });
  await app.register(jobControlRoutes);
  const reports = new RenderedReports();
  app.addHook('onClose', () => reports.close());
  await app.register(adapterArchiveRoutes, {
    reportOf: (request, jobId) => reports.get(workspaceOf(request), jobId, { as: 'html', isServed: false }),
  });
  await app.register(adapterFileRoutes);
  await app.register(jobReportRoutes, { reports });
  await app.register(jobArtifactRoutes, { reports });
  await app.register(runRoutes, { deps });
  await app.register(checkpointRoutes, { deps });
  await app.register(uploadRoutes, { deps });
  await app.register(keyRoutes, { keys });
  await app.register(tenantRoutes, {
    tenants: deps.tenants,
    limits: workspaces.limits,
    database: workspaces.database,
    spaceOf: (tenant) => workspaces.of(tenant),
  });
  await app.register(wholeTenantRoutes, { workspaces });
  await app.register(workerRoutes, { database: workspaces.database });
  await app.register(secretRoutes, { database: workspaces.database, parts: deps.webhooks });
  const times = eventStreamOptions(deps.limits.eventStreams, deps.connections?.max);
  const streams = new OpenStreams(times);
  // Before Fastify waits for connections that are not idle.
  app.addHook('preClose', async () => streams.end());
  await app.register(jobEventRoutes, { streams, times });
  await app.register(eventRoutes, { streams, times });
  await app.register(batchEventRoutes, { streams, times });
  for (const routes of [webhookRoutes, webhookDeliveryRoutes])
    await app.register(routes, { parts: deps.webhooks });
  await app.register(connectionRoutes, { parts: deps.places });
  for (const routes of [
    batchRoutes,
    batchChangeRoutes,
    batchItemRoutes,
    batchResultRoutes,
    batchArchiveRoutes,
  ])
    await app.register(routes);
  await app.register(batchLineRoutes, { idleTimeoutMs: deps.limits.uploadIdleTimeoutMs });
  await app.register(scheduleRoutes);
  await app.register(capabilityRoutes, {
    version: deps.version,
    maxUploadBytes: deps.limits.maxUploadBytes,
  });
  await app.register(pageRoutes);
  return withProbes(app, deps);
}
