import type { AuditEntry } from '../../src/http/plugins/audit.ts';
import { Outbound } from '../../src/net/outbound.ts';
import { TokenService, type TokenServiceOptions } from '../../src/resources/keys/token-service.ts';
import type { TokenSettings } from '../../src/resources/keys/token-settings.ts';
import type { IdentityProvider } from './identity-provider.ts';
import { startServer, type TestServer } from './server.ts';

export interface TokenServer {
  readonly server: TestServer;
  readonly audited: AuditEntry[];
  /** Why the keys of the provider could not be read. */
  readonly troubles: string[];
  ask(token: string, path?: string, init?: RequestInit): Promise<Response>;
  status(token: string, path?: string): Promise<number>;
  close(): Promise<void>;
}

interface TokenServerOptions {
  readonly settings?: Partial<TokenSettings>;
  readonly times?: TokenServiceOptions['times'];
  readonly failedKeysPerMinute?: number;
  readonly ca?: string;
}

export const ADMIN_KEY = 'administrator-of-this-test-42';

/** A service that accepts tokens of the provider, with the tenant `team`. */
export async function startTokenServer(
  provider: IdentityProvider,
  { settings, times, failedKeysPerMinute = 10_000, ca }: TokenServerOptions = {},
): Promise<TokenServer> {
  const troubles: string[] = [];
  const audited: AuditEntry[] = [];
  const outbound = new Outbound({ allowedHosts: [provider.host] }, ca === undefined ? {} : { ca });
  const tokens = new TokenService({
    settings: {
      ...{ issuer: provider.issuer, audience: 'lora-squeeze', jwksUrl: undefined },
      ...{ algorithms: ['RS256', 'ES256', 'EdDSA'], tenantClaim: 'tenant', scopeClaim: 'scope' },
      ...{ scopePrefix: '', defaultScopes: [], requiredClaims: [] },
      ...{ mayAdminister: false, clockSkewSeconds: 60 },
      ...settings,
    },
    tenants: { get: (id) => server.workspaces.tenants.get(id) },
    outbound,
    onFailure: (error) => troubles.push(String(error)),
    ...(times && { times }),
  });
  const server: TestServer = await startServer(
    {},
    {
      auth: { mode: 'keys', adminKey: () => ADMIN_KEY, tokens, failedKeysPerMinute },
      audit: (entry) => audited.push(entry),
    },
  );
  await server.workspaces.tenants.put('team', {});
  const ask: TokenServer['ask'] = (token, path = '/v1/capabilities', init = {}) =>
    server.fetch(path, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } });
  return {
    ...{ server, troubles, audited, ask },
    async status(token, path) {
      const response = await ask(token, path);
      await response.arrayBuffer();
      return response.status;
    },
    async close() {
      await server.close();
      await outbound.close();
    },
  };
}
