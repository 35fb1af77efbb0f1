import type { JobRecord } from '../../contract/job.ts';
import type { RecordedJobRequest } from '../../contract/job-request.ts';
import { AppError } from '../../errors.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import { PRODUCT } from '../../version.ts';
import type { AdapterService } from '../adapter-service.ts';
import { JobStore } from '../job-store.ts';
import { requestKey, timedIdMs } from '../layout.ts';
import { requestDigest } from './request-digest.ts';

/** An entry this old without a job is what a crash left, or its job was deleted. */
const ABANDONED_MS = 60_000;

/** An entry of the index: the job as it was, or is being, accepted. */
interface Claim {
  readonly accepted: JobRecord;
  /** Of the first entry: the one that it was copied from. */
  readonly copyOf?: string;
}

/** The job that does what a request asks for. */
export interface Holder {
  readonly accepted: JobRecord;
  /** As the storage knows it; undefined while it is being accepted. */
  readonly stored: JobRecord | undefined;
}

/**
 * Which job does what a request asks for, by the digest of the request. An entry is written once, so of several equal
 * requests at the same time, also to several processes, one has its job and the others find it. A job that failed, was
 * cancelled or lost its results has its place taken by an entry after it; the first entry is then moved to that one.
 * All methods throw AppError STORAGE_*.
 */
export class RequestIndex {
  private readonly blobs: BlobStore;
  private readonly jobs: JobStore;
  private readonly adapters: Pick<AdapterService, 'get'>;

  constructor(blobs: BlobStore, adapters: Pick<AdapterService, 'get'>) {
    this.blobs = blobs;
    this.jobs = new JobStore(blobs);
    this.adapters = adapters;
  }

  /** The job that stands for a request, if there is one. */
  async find(work: RecordedJobRequest): Promise<Holder | undefined> {
    return (await this.walk(digestOf(work))).holder;
  }

  /** Has a job that is about to be accepted stand for its request, unless another one does. Returns the one that does. */
  async claim(accepted: JobRecord): Promise<Holder> {
    const digest = digestOf(accepted.request);
    for (;;) {
      const { holder, end } = await this.walk(digest);
      if (holder) return holder;
      if (!(await this.blobs.create(end, encode({ accepted })))) continue;
      await this.shorten(digest, end, accepted);
      return { accepted, stored: undefined };
    }
  }

  /** Forgets a job that is being deleted. */
  async forget(job: JobRecord): Promise<void> {
    const key = requestKey(digestOf(job.request));
    const first = await this.read(key);
    if (first?.accepted.id !== job.id) return;
    await this.blobs.remove(key);
    if (first.copyOf !== undefined) await this.blobs.remove(first.copyOf);
  }

  /** Follows the entries of a request to the one that counts, or to the place of the next. */
  private async walk(digest: string): Promise<{ holder?: Holder; end: string }> {
    let end = requestKey(digest);
    for (let claim = await this.read(end); claim; claim = await this.read(end)) {
      const { accepted } = claim;
      const stored = await this.jobs.get(accepted.id);
      if (await this.stands(accepted, stored)) return { holder: { accepted, stored }, end };
      end = requestKey(digest, accepted.id);
    }
    return { end };
  }

  private async stands(accepted: JobRecord, stored: JobRecord | undefined): Promise<boolean> {
    if (!stored) return Date.now() - timedIdMs(accepted.id) < ABANDONED_MS;
    const { state, results, expires_at } = stored;
    if (state === 'failed' || state === 'cancelled') return false;
    if (expires_at !== null && Date.parse(expires_at) <= Date.now()) return false;
    for (const { adapter_id } of results) if (!(await this.hasAdapter(adapter_id))) return false;
    return true;
  }

  private async hasAdapter(id: string): Promise<boolean> {
    try {
      await this.adapters.get(id);
      return true;
    } catch (error) {
      if (error instanceof AppError && error.code === 'ADAPTER_NOT_FOUND') return false;
      throw error;
    }
  }

  /**
   * What fails night after night must not make the way to its newest job longer each time. The entry itself stays until
   * its own job is out of date too: others may be on their way to it.
   */
  private async shorten(digest: string, end: string, accepted: JobRecord): Promise<void> {
    const first = requestKey(digest);
    if (end === first) return;
    const before = await this.read(first);
    await this.blobs.put(first, encode({ accepted, copyOf: end }));
    if (before?.copyOf !== undefined) await this.blobs.remove(before.copyOf);
  }

  private async read(key: string): Promise<Claim | undefined> {
    const bytes = await this.blobs.get(key);
    return bytes && (JSON.parse(Buffer.from(bytes).toString('utf8')) as Claim);
  }
}

const digestOf = (work: RecordedJobRequest): string => requestDigest(work, PRODUCT.version);
const encode = (claim: Claim): Uint8Array => Buffer.from(JSON.stringify(claim));
