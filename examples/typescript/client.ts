import { createWriteStream, openAsBlob } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import createClient, { type Client } from 'openapi-fetch';
import type { components, paths } from './contract.d.ts';

export type Schemas = components['schemas'];
export type Problem = Schemas['Problem'];
export type Service = Client<paths>;

export const WEIGHTS = 'adapter_model.safetensors';
export const CONFIG = 'adapter_config.json';
export const OPTIMIZER = 'optimizer.safetensors';

/** The service waits this long at most for a job before it answers 202. */
export const WAIT = { header: { prefer: 'wait=55' } } as const;

/** What the service refused or failed at: `code` is stable, `message` is for people. */
export class SqueezeError extends Error {
  readonly code: string;
  readonly status: number | undefined;

  constructor(problem: Pick<Problem, 'code' | 'detail'> & { readonly status?: number }) {
    super(problem.detail);
    this.code = problem.code;
    this.status = problem.status;
  }
}

/** Where the service is, with the path of a gateway if there is one, and the key for it, if it asks for one. */
export interface Server {
  readonly url: string;
  readonly apiKey: string | undefined;
}

/** Every path of the contract, typed: `service.GET('/v1/jobs/{id}', { params: { path: { id } } })`. */
export const connect = (server: Server): Service =>
  createClient<paths>({ baseUrl: baseOf(server), headers: headersOf(server) });

const baseOf = ({ url }: Server): string => url.replace(/\/$/, '');
const headersOf = ({ apiKey }: Server): Record<string, string> =>
  apiKey ? { authorization: `Bearer ${apiKey}` } : {};

interface Answer<T> {
  readonly data?: T;
  readonly error?: Problem;
  readonly response: Response;
}

/** The body of an answer. @throws SqueezeError */
export function bodyOf<T>({ data, error, response }: Answer<T>): T {
  if (data !== undefined) return data;
  throw refusal(error, response);
}

/** A gateway before the service may answer anything. */
const refusal = (error: Problem | undefined, { status, statusText }: Response): SqueezeError =>
  new SqueezeError(error?.code ? error : { code: `HTTP_${status}`, detail: statusText, status });

/** A multipart body: files from disk as they are sent, objects as JSON. For `bodySerializer`. */
export function multipart(parts: Readonly<Record<string, unknown>>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(parts)) {
    if (value instanceof Blob) form.append(name, value, name);
    else if (value !== undefined)
      form.append(name, typeof value === 'object' ? JSON.stringify(value) : `${value}`);
  }
  return form;
}

/** The two files of an adapter in a folder, read while they are sent. (Over 4 GiB: Node 22 or newer.) */
export async function adapterFiles(folder: string) {
  const [weights, config] = await Promise.all(
    [WEIGHTS, CONFIG].map((name) => openAsBlob(join(folder, name))),
  );
  return { [WEIGHTS]: weights!, [CONFIG]: config! };
}

/** Streams a path of the service, such as a file's href, to a file. @throws SqueezeError */
export async function download(server: Server, href: string, path: string): Promise<void> {
  const response = await fetch(`${baseOf(server)}${href}`, { headers: headersOf(server) });
  if (!response.ok || !response.body) {
    const error = (await response.json().catch(() => undefined)) as Problem | undefined;
    throw refusal(error, response);
  }
  await pipeline(Readable.fromWeb(response.body), createWriteStream(path));
}
