import type { Database } from '../../database/database.ts';
import { AppError } from '../../errors/app-error.ts';
import { decryptCredentials } from '../../transfer/credentials.ts';
import type { SecretBox } from '../../transfer/secret-box.ts';
import { signingSecrets } from '../webhooks/webhook-secrets.ts';

/** How long the result of a check is used: a check reads every secret, and keys rarely change. */
const RESULT_LIFETIME_MS = { passed: 10 * 60_000, failed: 10_000 } as const;

/** Failures of the keys; the database has a check of its own. */
const KEY_FAILURES = new Set(['SECRETS_UNAVAILABLE', 'SECRETS_KEY_MISMATCH', 'SECRETS_DAMAGED']);

export interface SecretsCheckOptions {
  readonly database: Pick<Database, 'reader'>;
  /** undefined: this process has no key. */
  readonly box: SecretBox | undefined;
}

/**
 * Checks whether the keys of this process decrypt the secrets of webhooks and the credentials of connections. Without
 * this check, deliveries to webhooks and jobs that use a connection would fail one by one, hours later.
 */
export class SecretsCheck {
  private readonly options: SecretsCheckOptions;
  private failure: AppError | undefined;
  private checkedAtMs = Number.NEGATIVE_INFINITY;
  private checking: Promise<void> | undefined;
  private keyIds = '';

  constructor(options: SecretsCheckOptions) {
    this.options = options;
  }

  /**
   * Reports the result of the last check, and starts another one if that is old. The first call waits for the check.
   * @throws AppError SECRETS_UNAVAILABLE naming the keys that are missing, or because there is no key
   */
  async check(): Promise<void> {
    const keyIds = this.options.box?.keyIds.join() ?? '';
    if (keyIds !== this.keyIds) {
      this.keyIds = keyIds;
      // A check that is in progress may have used the previous keys.
      await this.checking;
      this.checkedAtMs = Number.NEGATIVE_INFINITY;
    }
    const isFirst = this.checkedAtMs === Number.NEGATIVE_INFINITY;
    const lifetimeMs = this.failure ? RESULT_LIFETIME_MS.failed : RESULT_LIFETIME_MS.passed;
    if (performance.now() - this.checkedAtMs > lifetimeMs) {
      this.checking ??= this.runCheck().finally(() => {
        this.checking = undefined;
      });
      if (isFirst) await this.checking;
    }
    if (this.failure) throw this.failure;
  }

  private async runCheck(): Promise<void> {
    try {
      await this.decryptAll();
      this.failure = undefined;
      this.checkedAtMs = performance.now();
    } catch (error) {
      if (!(error instanceof AppError) || !KEY_FAILURES.has(error.code)) return;
      this.failure = new AppError('SECRETS_UNAVAILABLE', error.message, error.context, { cause: error });
      this.checkedAtMs = performance.now();
    }
  }

  private async decryptAll(): Promise<void> {
    const { database, box } = this.options;
    const secrets = database.reader
      .selectFrom('webhook')
      .select(['secret', 'previous_secret', 'previous_secret_expires_at']);
    const rows = await secrets.where('of_request', '=', 0).execute();
    // Requests may have a hundred thousand webhooks, so only the newest one is checked.
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
