import type { HubCredentials, UrlCredentials } from '../contract/connection.ts';
import type { S3Credentials } from '../contract/transfer.ts';
import { requireBox, type SecretBox } from './secret-box.ts';

const WHAT = 'the credentials of connections';

/** The credentials that a connection can have of its own. */
export type Credentials = S3Credentials | HubCredentials | UrlCredentials;

/** @throws AppError SECRETS_UNAVAILABLE without a box */
export const encryptCredentials = (credentials: Credentials, box: SecretBox | undefined): string =>
  requireBox(box, WHAT).encrypt(JSON.stringify(credentials));

/** @throws AppError SECRETS_UNAVAILABLE, SECRETS_KEY_MISMATCH, SECRETS_DAMAGED */
export const decryptCredentials = (encrypted: string, box: SecretBox | undefined): Credentials =>
  JSON.parse(requireBox(box, WHAT).decrypt(encrypted)) as Credentials;
