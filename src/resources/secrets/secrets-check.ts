import type { Database } from '../../database/database.ts';
import { AppError } from '../../errors/app-error.ts';
import { decryptCredentials } from '../../transfer/credentials.ts';
import type { SecretBox } from '../../transfer/secret-box.ts';
import { signingSecrets } from '../webhooks/webhook-secrets.ts';

/** How long an answer is good: looking reads each secret, and keys change seldom. */
const GOOD_MS = { passed: 10 * 60_000, failed: 10_000 } as const;

/** Of the key, not of the database, which has a check of its own. */
const OF_THE_KEY = new Set(['SECRETS_UNAVAILABLE', 'SECRETS_KEY_MISMATCH', 'SECRETS_DAMAGED']);

export interface SecretsCheckOptions {
  readonly database: Pick<Database, 'reader'>;
  /** undefined: this process has no key. */
  readonly box: SecretBox | undefined;
}

/**
 * Whether the secrets of webhooks and the credentials of connections can be decrypted with the keys of this process. With another
 * one every delivery to a webhook and every job that goes through a connection would fail, hours later and one by one.
 */
export class SecretsCheck {
  private readonly options: SecretsCheckOptions;
  private failure: AppError | undefined;
  private lookedAtMs = Number.NEGATIVE_INFINITY;
  private looking: Promise<void> | undefined;
  private keyIds = '';

  constructor(options: SecretsCheckOptions) {
    this.options = options;
  }

  /**
   * Answers with what was last found, and looks again when that is old; the first call waits.
   * @throws AppError SECRETS_UNAVAILABLE saying which keys differ, or that there is none
   */
  async check(): Promise<void> {
    const keyIds = this.options.box?.keyIds.join() ?? '';
    if (keyIds !== this.keyIds) {
      this.keyIds = keyIds;
      // What is under way may have used the keys before.
      await this.looking;
      this.lookedAtMs = Number.NEGATIVE_INFINITY;
    }
    const isFirst = this.lookedAtMs === Number.NEGATIVE_INFINITY;
    const goodMs = this.failure ? GOOD_MS.failed : GOOD_MS.passed;
    if (performance.now() - this.lookedAtMs > goodMs) {
      this.looking ??= this.tryAll().finally(() => {
        this.looking = undefined;
      });
      if (isFirst) await this.looking;
    }
    if (this.failure) throw this.failure;
  }

  private async tryAll(): Promise<void> {
    try {
      await this.decryptAll();
      this.failure = undefined;
      this.lookedAtMs = performance.now();
    } catch (error) {
      if (!(error instanceof AppError) || !OF_THE_KEY.has(error.code)) return;
      this.failure = new AppError('SECRETS_UNAVAILABLE', error.message, error.context, { cause: error });
      this.lookedAtMs = performance.now();
    }
  }

  private async decryptAll(): Promise<void> {
    const { database, box } = this.options;
    const secrets = database.reader
      .selectFrom('webhook')
      .select(['secret', 'previous_secret', 'previous_secret_expires_at']);
    const rows = await secrets.where('of_request', '=', 0).execute();
    // There may be a hundred thousand of requests, and they have the same key as the newest one.
    const newest = secrets.where('of_request', '=', 1).orderBy('created_at', 'desc').limit(1);
    for (const row of [...rows, ...(await newest.execute())]) signingSecrets(row, box, Date.now());
    const connections = await database.reader
      .selectFrom('connection')
      .select('credentials')
      .where('credentials', 'is not', null)
      .execute();
    for (const { credentials } of connections) decryptCredentials(credentials!, box);
  }
}
