import type { WebhookRecord } from '../../contract/webhook.ts';
import type { BlobStore } from '../../storage/blob-store.ts';

const PREFIX = 'webhooks/';
const settingsKey = (id: string): string => `${PREFIX}${id}.json`;
/** Beside the settings and not in them: a worker writes it, and must not undo what a client changes. */
const goneKey = (id: string): string => `${PREFIX}${id}.gone`;

/** What a receiver said that does not want any more; also of a mark that says nothing. */
const GONE_REASON = 'The receiver answered 410 (gone). Enable the webhook to send again.';

/** What clients set. */
export type WebhookSettings = Omit<WebhookRecord, 'disabled_reason'>;

/** A tenant's webhooks without their secrets. All methods throw AppError STORAGE_*. */
export class WebhookStore {
  private readonly blobs: BlobStore;

  constructor(blobs: BlobStore) {
    this.blobs = blobs;
  }

  /** The oldest first. */
  async list(): Promise<WebhookRecord[]> {
    const keys = await this.blobs.list(PREFIX);
    const gone = new Set(keys.filter((key) => key.endsWith('.gone')));
    const ids = keys
      .filter((key) => key.endsWith('.json'))
      .map((key) => key.slice(PREFIX.length, -'.json'.length));
    const records = await Promise.all(ids.map((id) => this.read(id, gone.has(goneKey(id)))));
    return records.flatMap((record) => record ?? []);
  }

  /** @param id well-formed */
  async get(id: string): Promise<WebhookRecord | undefined> {
    return this.read(id, (await this.blobs.stat(goneKey(id))) !== undefined);
  }

  /** What was set, whatever the receiver said since. @param id well-formed */
  async settings(id: string): Promise<WebhookSettings | undefined> {
    const bytes = await this.blobs.get(settingsKey(id));
    return bytes && (JSON.parse(Buffer.from(bytes).toString('utf8')) as WebhookSettings);
  }

  async put({ id, url, events, labels, description, enabled, created_at }: WebhookSettings): Promise<void> {
    const settings: WebhookSettings = { id, url, events, labels, description, enabled, created_at };
    await this.blobs.put(settingsKey(id), Buffer.from(JSON.stringify(settings)));
  }

  /**
   * The receiver is not there any more, or nothing can be signed for it: nothing is sent until somebody enables the
   * webhook.
   */
  async markGone(id: string, reason = ''): Promise<void> {
    await this.blobs.put(goneKey(id), Buffer.from(reason));
  }

  async unmarkGone(id: string): Promise<void> {
    await this.blobs.remove(goneKey(id));
  }

  async remove(id: string): Promise<void> {
    await this.blobs.remove(settingsKey(id));
    await this.blobs.remove(goneKey(id));
  }

  private async read(id: string, isGone: boolean): Promise<WebhookRecord | undefined> {
    const settings = await this.settings(id);
    if (!settings) return undefined;
    if (!isGone) return { ...settings, disabled_reason: null };
    const reason = Buffer.from((await this.blobs.get(goneKey(id))) ?? []).toString('utf8');
    return { ...settings, enabled: false, disabled_reason: reason || GONE_REASON };
  }
}
