import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { serve, type TestServer } from '../net/servers.ts';
import type { Certificate } from '../queue/certificate.ts';

export type SigningAlgorithm = 'RS256' | 'RS512' | 'ES256' | 'EdDSA';

interface SigningKey {
  readonly alg: SigningAlgorithm;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const PAIRS: Readonly<Record<SigningAlgorithm, () => { privateKey: KeyObject; publicKey: KeyObject }>> = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  RS512: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
};

export const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** How the provider answers; by default correctly. */
type Answer = (request: IncomingMessage, reply: ServerResponse) => void;

/**
 * An identity provider on this machine: real keys, a real server, and tokens created without the library
 * under test.
 */
export class IdentityProvider {
  readonly keys = new Map<string, SigningKey>();
  /** Paths that were requested. */
  readonly asked: string[] = [];
  /** undefined: correctly. */
  answer: Answer | undefined;
  private readonly server: TestServer;

  private constructor(server: TestServer) {
    this.server = server;
  }

  static async start(certificate?: Certificate): Promise<IdentityProvider> {
    const served: { provider?: IdentityProvider } = {};
    const server = await serve((request, reply) => served.provider!.handle(request, reply), certificate);
    served.provider = new IdentityProvider(server);
    return served.provider;
  }

  get issuer(): string {
    return this.server.url;
  }

  get host(): string {
    return this.server.host;
  }

  addKey(kid: string, alg: SigningAlgorithm = 'RS256'): void {
    this.keys.set(kid, { alg, ...PAIRS[alg]() });
  }

  /** Like a provider that publishes its keys for everyone. */
  keySet(): object {
    const keys = [...this.keys].map(([kid, { alg, publicKey }]) => ({
      ...publicKey.export({ format: 'jwk' }),
      ...{ kid, alg, use: 'sig' },
    }));
    return { keys };
  }

  /** Claims that are valid in every respect, except for the changes; undefined removes one. */
  claims(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    const now = Math.floor(Date.now() / 1000);
    return {
      ...{ iss: this.issuer, aud: 'lora-squeeze', sub: 'somebody', iat: now, exp: now + 600 },
      ...{ tenant: 'team', scope: 'openid read write' },
      ...changes,
    };
  }

  /** @param header changes of the header; undefined removes a field */
  token(
    changes: Readonly<Record<string, unknown>> = {},
    header: Readonly<Record<string, unknown>> = {},
    kid = [...this.keys.keys()][0]!,
  ): string {
    const { alg } = this.keys.get(kid)!;
    const body = `${encoded({ alg, typ: 'JWT', kid, ...header })}.${encoded(this.claims(changes))}`;
    return `${body}.${this.signature(body, kid)}`;
  }

  signature(body: string, kid: string): string {
    const { alg, privateKey: key } = this.keys.get(kid)!;
    const hash = { RS256: 'sha256', RS512: 'sha512', ES256: 'sha256', EdDSA: undefined }[alg];
    const signer = alg === 'ES256' ? { key, dsaEncoding: 'ieee-p1363' as const } : key;
    return sign(hash, Buffer.from(body), signer).toString('base64url');
  }

  /** A forgery by an attacker who knows the public key and uses it as the secret of HS256. */
  hmacToken(secret: string | Buffer, kid = [...this.keys.keys()][0]!): string {
    const body = `${encoded({ alg: 'HS256', typ: 'JWT', kid })}.${encoded(this.claims())}`;
    return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
  }

  close(): Promise<void> {
    return this.server.close();
  }

  private handle(request: IncomingMessage, reply: ServerResponse): void {
    this.asked.push(request.url!);
    if (this.answer) this.answer(request, reply);
    else if (request.url === '/.well-known/openid-configuration')
      reply.end(JSON.stringify({ issuer: this.issuer, jwks_uri: `${this.issuer}/keys` }));
    else if (request.url === '/keys') reply.end(JSON.stringify(this.keySet()));
    else reply.writeHead(404).end();
  }
}
