import { randomBytes } from 'node:crypto';
import type { WebhookTable } from '../../database/tables.ts';
import { invalidField } from '../../errors/field-errors.ts';
import { requireBox, type SecretBox } from '../../transfer/secret-box.ts';

const SCHEME = 'whsec_';

const NEW_BYTES = 32;
/** Standard Webhooks, "Symmetric". */
const MIN_BYTES = 24;
const MAX_BYTES = 64;

/** @throws AppError SECRETS_UNAVAILABLE if there is no box; webhooks need one */
export const webhookBox = (box: SecretBox | undefined): SecretBox =>
  requireBox(box, 'the secrets of webhooks, so webhooks are not available');

/** The secrets of a webhook, encrypted. */
export type EncryptedSecrets = Pick<
  WebhookTable,
  'secret' | 'previous_secret' | 'previous_secret_expires_at'
>;

/**
 * The secrets that currently sign the requests of a webhook, the newest first: one, or two for a while after a rotation.
 * @throws AppError SECRETS_UNAVAILABLE, SECRETS_KEY_MISMATCH, SECRETS_DAMAGED
 */
export function signingSecrets(
  { secret, previous_secret, previous_secret_expires_at }: EncryptedSecrets,
  box: SecretBox | undefined,
  nowMs: number,
): string[] {
  const isLive = previous_secret !== null && nowMs < (previous_secret_expires_at ?? 0);
  return [secret, ...(isLive ? [previous_secret] : [])].map((encrypted) =>
    webhookBox(box).decrypt(encrypted),
  );
}

/** The URL to which the requests of a webhook are sent. @throws as signingSecrets */
export const webhookUrl = (
  { encrypted_url, settings }: Pick<WebhookTable, 'encrypted_url' | 'settings'>,
  box: SecretBox | undefined,
): string =>
  encrypted_url === null
    ? (JSON.parse(settings) as { url: string }).url
    : webhookBox(box).decrypt(encrypted_url);

/** A new secret in the form in which receivers configure it. */
export const newSecret = (): string => SCHEME + randomBytes(NEW_BYTES).toString('base64');

/** The bytes that are used for signing. */
export const secretBytes = (secret: string): Buffer => Buffer.from(secret.slice(SCHEME.length), 'base64');

/**
 * Checks a secret that the client chose.
 * @param pointer its place in the request
 * @throws AppError VALIDATION_FAILED
 */
export function checkedSecret(secret: string, pointer = '/secret'): string {
  const bytes = secretBytes(secret);
  const isWhole = SCHEME + bytes.toString('base64') === secret;
  if (isWhole && bytes.byteLength >= MIN_BYTES && bytes.byteLength <= MAX_BYTES) return secret;
  // The message does not contain the secret, because messages are logged.
  const detail = isWhole
    ? `secret has ${bytes.byteLength} bytes but must have ${MIN_BYTES} to ${MAX_BYTES}`
    : 'secret must be whsec_ followed by padded base64';
  throw invalidField(pointer, detail);
}
