import { Metrics } from '../metrics/metrics.ts';
import { buildApp } from './http-app.ts';
import type { HttpDependencies } from './http-dependencies.ts';
import { openapiYaml } from './openapi-plugin.ts';

/**
 * Replaces a dependency that only requests use.
 * @param parts properties that are needed to build the app
 */
function unused<T extends object>(name: string, parts: Partial<T> = {}): T {
  return new Proxy(parts as T, {
    get(target, property) {
      if (property in target) return target[property as keyof T];
      throw new Error(`${name}.${String(property)} does not exist: this app only generates openapi.yaml`);
    },
  });
}

/** The text of openapi.yaml, from an app that never receives a request. */
export async function openapiDocument(version: string): Promise<string> {
  const app = await buildApp({
    workspaces: unused<HttpDependencies['workspaces']>('workspaces', {
      limits: unused('limits'),
      database: unused('database'),
    }),
    webhooks: unused<HttpDependencies['webhooks']>('webhooks'),
    places: unused<HttpDependencies['places']>('places'),
    tenants: unused<HttpDependencies['tenants']>('tenants'),
    keys: unused<HttpDependencies['keys']>('keys'),
    claims: unused<HttpDependencies['claims']>('claims'),
    auth: { mode: 'keys' },
    uploads: unused<HttpDependencies['uploads']>('uploads'),
    store: unused<HttpDependencies['store']>('store'),
    readiness: unused<HttpDependencies['readiness']>('readiness'),
    metrics: new Metrics({ version }),
    limits: { maxUploadBytes: 1, uploadIdleTimeoutMs: 1000 },
    version,
    logger: false,
  });
  try {
    return openapiYaml(app);
  } finally {
    await app.close();
  }
}
