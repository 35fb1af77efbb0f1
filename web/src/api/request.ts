import { accessRefusal, authorization, key } from '../state/key.ts';
import { ProblemError, problemIn, unreachable } from './problem.ts';

/**
 * Sends a request to the service.
 * @throws ProblemError the service refused the request or did not answer
 */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const sentKey = key.value;
  const headers = { ...authorization(), ...(init.headers as Record<string, string> | undefined) };
  const response = await fetch(path, { ...init, headers }).catch((error: unknown) => {
    if (init.signal?.aborted) throw error;
    throw unreachable();
  });
  if (response.ok) return response;
  throw refusal(await response.text(), response.status, sentKey);
}

/**
 * Makes the error of a refused request. If the key was refused, the form for the key shows the error too,
 * unless the user has entered another key since.
 * @param sentKey the key that was refused; empty if no key was sent
 */
export function refusal(text: string, status: number, sentKey: string): ProblemError {
  const problem = problemIn(text, status);
  if (status === 401 && sentKey === key.value) accessRefusal.value = problem;
  return new ProblemError(problem);
}

/** A page of a list, as the API returns it. */
export interface Page<Item> {
  readonly data: readonly Item[];
  readonly next_cursor: string | null;
}

export const get = async <T>(path: string, signal?: AbortSignal): Promise<T> =>
  (
    await request(path, { headers: { accept: 'application/json' }, ...(signal && { signal }) })
  ).json() as Promise<T>;

async function send<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await request(path, {
    method,
    ...(body !== undefined && {
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    }),
  });
  return (response.status === 204 ? undefined : await response.json()) as T;
}

export const post = <T>(path: string, body?: unknown): Promise<T> => send('POST', path, body);
export const put = <T>(path: string, body: unknown): Promise<T> => send('PUT', path, body);
export const patch = <T>(path: string, body: unknown): Promise<T> => send('PATCH', path, body);
export const remove = (path: string): Promise<void> => send('DELETE', path);

/** Adds a query to a path; empty values are left out. */
export function pathWith(path: string, query: Readonly<Record<string, string | number | undefined>>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== '') params.set(name, String(value));
  const text = params.toString();
  return text === '' ? path : `${path}?${text}`;
}
