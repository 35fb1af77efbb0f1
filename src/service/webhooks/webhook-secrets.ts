import { randomBytes } from 'node:crypto';
import { AppError } from '../../errors.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import type { SecretBox } from '../../transfer/secret-box.ts';

const PREFIX = 'webhook-secrets/';
const prefixOf = (webhookId: string): string => `${PREFIX}${webhookId}/`;
const SCHEME = 'whsec_';

const NEW_BYTES = 32;
/** Standard Webhooks, "Symmetric". */
const MIN_BYTES = 24;
const MAX_BYTES = 64;

interface StoredSecret {
  readonly sealed: string;
  readonly created_at: string;
  /** How long the one before signs too. */
  readonly overlap_seconds: number;
}

/**
 * The secrets of a tenant's webhooks, sealed. Each is an entry of a log that is written once, so that of two rotations at
 * the same time none gives out a secret that does not sign. All methods throw AppError STORAGE_*.
 */
export class WebhookSecrets {
  private readonly blobs: BlobStore;
  private readonly box: SecretBox | undefined;

  /** @param box undefined: there are no secrets, so no webhooks */
  constructor(blobs: BlobStore, box: SecretBox | undefined) {
    this.blobs = blobs;
    this.box = box;
  }

  /**
   * Makes a secret the one that signs.
   * @param overlapSeconds how long the one before signs too
   * @throws AppError SECRETS_UNAVAILABLE
   */
  async add(webhookId: string, secret: string, overlapSeconds: number, nowMs: number): Promise<void> {
    const stored: StoredSecret = {
      sealed: this.needed().seal(secret),
      created_at: new Date(nowMs).toISOString(),
      overlap_seconds: overlapSeconds,
    };
    const bytes = Buffer.from(JSON.stringify(stored));
    const keys = await this.blobs.list(prefixOf(webhookId));
    for (let number = keys.length === 0 ? 1 : numberOf(keys.at(-1)!) + 1; ; number++) {
      if (await this.blobs.create(keyOf(webhookId, number), bytes)) break;
    }
    // Two are enough to sign with; the log need not grow for ever.
    for (const key of keys.slice(0, -1)) await this.blobs.remove(key);
  }

  /**
   * The secrets that sign now, the newest first: one, or two for a while after a rotation; none of a webhook that is
   * being removed.
   * @throws AppError SECRETS_UNAVAILABLE, SECRETS_KEY_MISMATCH, SECRETS_DAMAGED
   */
  async signing(webhookId: string, nowMs: number): Promise<string[]> {
    const keys = await this.blobs.list(prefixOf(webhookId));
    const entries = await Promise.all(keys.slice(-2).map((key) => this.read(key)));
    const [newest, before] = entries.flatMap((entry) => entry ?? []).reverse();
    if (!newest) return [];
    const overlapEndMs = Date.parse(newest.created_at) + newest.overlap_seconds * 1000;
    const live = before && nowMs < overlapEndMs ? [newest, before] : [newest];
    return live.map(({ sealed }) => this.needed().open(sealed));
  }

  async isAny(webhookId: string): Promise<boolean> {
    return (await this.blobs.list(prefixOf(webhookId))).length > 0;
  }

  async remove(webhookId: string): Promise<void> {
    for (const key of await this.blobs.list(prefixOf(webhookId))) await this.blobs.remove(key);
  }

  private async read(key: string): Promise<StoredSecret | undefined> {
    const bytes = await this.blobs.get(key);
    return bytes && (JSON.parse(Buffer.from(bytes).toString('utf8')) as StoredSecret);
  }

  private needed(): SecretBox {
    if (this.box) return this.box;
    throw new AppError(
      'SECRETS_UNAVAILABLE',
      'The service has no key to keep the secrets of webhooks with, so there are no webhooks: set SECRETS_KEY.',
    );
  }
}

const keyOf = (webhookId: string, number: number): string =>
  `${prefixOf(webhookId)}${String(number).padStart(8, '0')}.json`;
const numberOf = (key: string): number => Number.parseInt(key.slice(key.lastIndexOf('/') + 1), 10);

/** A new secret as receivers configure it. */
export const newSecret = (): string => SCHEME + randomBytes(NEW_BYTES).toString('base64');

/** The bytes that sign. */
export const secretBytes = (secret: string): Buffer => Buffer.from(secret.slice(SCHEME.length), 'base64');

/**
 * A secret that somebody brings.
 * @throws AppError VALIDATION_FAILED
 */
export function checkedSecret(secret: string): string {
  const bytes = secretBytes(secret);
  const isWhole = SCHEME + bytes.toString('base64') === secret;
  if (isWhole && bytes.byteLength >= MIN_BYTES && bytes.byteLength <= MAX_BYTES) return secret;
  // The secret itself stays unsaid: problems end up in logs.
  const detail = isWhole
    ? `secret has ${bytes.byteLength} bytes but must have ${MIN_BYTES} to ${MAX_BYTES}`
    : 'secret is not whsec_ and base64 with its padding';
  throw new AppError('VALIDATION_FAILED', `${detail}.`, { errors: [{ pointer: '/secret', detail }] });
}
