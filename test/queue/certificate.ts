import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** A reason to skip, or false. */
export const opensslIsMissing: string | false =
  spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed';

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** A self-signed certificate for 127.0.0.1 and localhost; paths of PEM files. */
export function makeCertificate(folder: string): Certificate {
  const [cert, key] = ['cert.pem', 'key.pem'].map((name) => join(folder, name)) as [string, string];
  const { status, stderr } = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=redis'],
    ...['-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost', '-keyout', key, '-out', cert],
  ]);
  assert.equal(status, 0, String(stderr));
  return { cert, key };
}

/** Options of a server (or sentinel) that listens with TLS on this port only. */
export const tlsOptions = ({ cert, key }: Certificate, port: number): string[] => [
  ...['--port', '0', '--tls-port', String(port), '--tls-cert-file', cert, '--tls-key-file', key],
  ...['--tls-ca-cert-file', cert, '--tls-auth-clients', 'no', '--tls-replication', 'yes'],
];
