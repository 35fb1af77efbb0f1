import { createHmac } from 'node:crypto';
import { secretBytes } from './webhook-secrets.ts';

/**
 * The headers that authenticate the sender of a request, by Standard Webhooks (https://www.standardwebhooks.com).
 * @param id the same for every attempt
 * @param secrets those that currently sign; receivers accept any of the signatures
 */
export function signedHeaders(
  id: string,
  body: string,
  secrets: readonly string[],
  nowMs: number,
): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1000));
  const signatures = secrets.map((secret) => {
    const mac = createHmac('sha256', secretBytes(secret)).update(`${id}.${timestamp}.${body}`);
    return `v1,${mac.digest('base64')}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  };
}
