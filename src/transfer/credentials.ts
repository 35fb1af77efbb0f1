import type { HubCredentials, UrlCredentials } from '../contract/connection.ts';
import type { S3Credentials } from '../contract/transfer.ts';
import { AppError } from '../errors/app-error.ts';
import type { SecretBox } from './secret-box.ts';

/** The credentials that a connection can have of its own. */
export type Credentials = S3Credentials | HubCredentials | UrlCredentials;

/** @throws AppError SECRETS_UNAVAILABLE without a box */
export const encryptCredentials = (credentials: Credentials, box: SecretBox | undefined): string =>
  needed(box).encrypt(JSON.stringify(credentials));

/** @throws AppError SECRETS_UNAVAILABLE, SECRETS_KEY_MISMATCH, SECRETS_DAMAGED */
export const decryptCredentials = (encrypted: string, box: SecretBox | undefined): Credentials =>
  JSON.parse(needed(box).decrypt(encrypted)) as Credentials;

function needed(box: SecretBox | undefined): SecretBox {
  if (box) return box;
  throw new AppError(
    'SECRETS_UNAVAILABLE',
    'The service has no key to encrypt the credentials of connections; set SECRETS_KEYS.',
  );
}
