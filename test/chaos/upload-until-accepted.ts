import { hash } from 'node:crypto';
import { adapterForm, readAdapterFiles } from '../e2e/client.ts';
import { fixtureAdapters } from '../e2e/fixtures.ts';
import { type Accepted, retryUntilAccepted } from './submitter.ts';

const LIMIT_MS = 180_000;

/** The folder of a fixture, and its weights file. */
export function fixture(name: string): { dir: string; bytes: number; sha256: string } {
  const { dir } = fixtureAdapters().find((one) => one.name === name)!;
  const { weights } = readAdapterFiles(dir);
  return { dir, bytes: weights.byteLength, sha256: hash('sha256', weights) };
}

export interface SentUpload {
  /** The folder of the fixture. */
  readonly name: string;
  /** Its `jobId` is the id of the adapter. */
  readonly accepted: Promise<Accepted & { readonly endedMs: number }>;
}

/** Uploads an adapter with an Idempotency-Key, and repeats the upload until a final response arrives. */
export async function uploadUntilAccepted(url: string, name: string): Promise<SentUpload> {
  const request = new Response(adapterForm(readAdapterFiles(fixture(name).dir)));
  const body = Buffer.from(await request.arrayBuffer());
  const headers = { 'content-type': request.headers.get('content-type')!, 'idempotency-key': name };
  const post = async () => {
    const response = await fetch(`${url}/v1/adapters`, { method: 'POST', headers, body });
    return { ok: response.ok, status: response.status, text: await response.text() };
  };
  const accepted = retryUntilAccepted(name, post, Date.now() + LIMIT_MS).then((one) => ({
    ...one,
    endedMs: Date.now(),
  }));
  // Awaited by the code that checks the outcome.
  accepted.catch(() => undefined);
  return { name, accepted };
}
