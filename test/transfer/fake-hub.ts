import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { serve, type TestServer } from '../net/servers.ts';
import { sha256Of } from './scratch.ts';

/** The token of the owner, who may read everything. */
export const GOOD_TOKEN = 'hf_goodSECRET';

export interface FakeRepo {
  readonly visibility: 'public' | 'private' | 'gated';
  /** Commits by id, the last one being that of main; files by path. */
  readonly commits: Map<string, ReadonlyMap<string, Buffer>>;
  readonly messages: string[];
}

/**
 * The few calls of the Hugging Face Hub that its library makes for the service, and the store of large files
 * behind it.
 */
export interface FakeHub extends TestServer {
  readonly repos: Map<string, FakeRepo>;
  readonly store: TestServer;
  readonly seen: { readonly method: string; readonly url: string; readonly auth: string | undefined }[];
  /** Whether it lists the files of a repository; mirrors need not do so. */
  tellsFiles: boolean;
  /** Answers instead of the Hub or its store if it returns true. */
  fault: (request: IncomingMessage, response: ServerResponse) => boolean;
  commit(repo: string, files: Record<string, Buffer>, visibility?: FakeRepo['visibility']): string;
}

const isLarge = (path: string): boolean => /\.(safetensors|gguf)$/.test(path);
const json = (response: ServerResponse, status: number, body: unknown, headers = {}): void =>
  void response
    .writeHead(status, { 'content-type': 'application/json', ...headers })
    .end(JSON.stringify(body));
const refuse = (response: ServerResponse, status: number, code: string): void =>
  json(response, status, { error: `${code} with SECRET words` }, { 'x-error-code': code });

export async function startFakeHub(): Promise<FakeHub> {
  const objects = new Map<string, Buffer>();
  const note = (request: IncomingMessage): void =>
    void hub.seen.push({ method: request.method!, url: request.url!, auth: request.headers.authorization });
  const store = await serve(async (request, response) => {
    note(request);
    if (hub.fault(request, response)) return;
    const oid = request.url!.slice(1, 65);
    if (!request.url!.endsWith('?sig=SECRET')) return void response.writeHead(403).end();
    if (request.method === 'PUT') {
      objects.set(oid, await buffer(request));
      return void response.end();
    }
    give(request, response, objects.get(oid)!, sha256Of(objects.get(oid)!));
  });
  const server = await serve((request, response) => {
    note(request);
    if (!hub.fault(request, response)) void answer(request, response);
  });
  const hub: FakeHub = {
    ...server,
    repos: new Map(),
    store,
    seen: [],
    tellsFiles: true,
    fault: () => false,
    commit: (name, files, visibility = 'public') => {
      const repo = hub.repos.get(name) ?? { visibility, commits: new Map(), messages: [] };
      hub.repos.set(name, repo);
      const all = new Map<string, Buffer>([...repo.commits.values()].at(-1) ?? []);
      for (const [path, content] of Object.entries(files)) all.set(path, content);
      for (const content of all.values()) objects.set(sha256Of(content), content);
      const id = createHash('sha1').update(`${name} ${repo.commits.size}`).digest('hex');
      repo.commits.set(id, all);
      return id;
    },
    close: async () => {
      await Promise.all([server.close(), store.close()]);
    },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = decodeURIComponent(request.url!.split('?', 1)[0]!);
    const { authorization } = request.headers;
    if (authorization !== undefined && authorization !== `Bearer ${GOOD_TOKEN}`) {
      return refuse(response, 401, 'InvalidToken');
    }
    const isOwner = authorization !== undefined;
    if (path === '/api/repos/create') {
      const wanted = JSON.parse((await buffer(request)).toString()) as Record<string, string>;
      const name = `${wanted.organization}/${wanted.name}`;
      if (hub.repos.has(name)) return json(response, 409, { error: 'You already created this model repo' });
      hub.repos.set(name, { visibility: wanted.visibility as 'private', commits: new Map(), messages: [] });
      return json(response, 200, { url: `${hub.url}/${name}`, id: 'x' });
    }
    const found =
      /^\/api\/models\/([^/]+\/[^/]+)\/(revision|preupload|commit)\/(.+)$/.exec(path) ??
      /^\/([^/]+\/[^/]+)\/(resolve)\/([^/]+)\/(.+)$/.exec(path) ??
      /^\/([^/]+\/[^/]+)\.git\/info\/(lfs)\/objects\/batch$/.exec(path);
    if (!found) return void response.writeHead(404).end();
    const [, name, call, revision, file] = found as unknown as [string, string, string, string, string];
    const repo = hub.repos.get(name);
    if (!repo || (repo.visibility === 'private' && !isOwner)) return refuse(response, 401, 'RepoNotFound');
    if (request.method !== 'GET' && !isOwner) return refuse(response, 401, 'RepoNotFound');
    const head = [...repo.commits.keys()].at(-1);
    if (revision !== undefined && revision !== 'main' && !repo.commits.has(revision)) {
      return refuse(response, 404, 'RevisionNotFound');
    }
    switch (call) {
      case 'revision':
        return json(response, 200, {
          _id: '1',
          id: name,
          sha: revision === 'main' ? head : revision,
          ...(hub.tellsFiles && {
            siblings: [...repo.commits.get(revision === 'main' ? head! : revision)!.keys()].map(
              (rfilename) => ({
                rfilename,
              }),
            ),
          }),
        });
      case 'resolve': {
        if (repo.visibility === 'gated' && !isOwner) return refuse(response, 403, 'GatedRepo');
        const content = repo.commits.get(revision === 'main' ? head! : revision)!.get(file);
        if (!content) return refuse(response, 404, 'EntryNotFound');
        if (!isLarge(file)) return give(request, response, content, 'a'.repeat(40));
        return void response
          .writeHead(302, { location: `${store.url}/${sha256Of(content)}?sig=SECRET` })
          .end();
      }
      case 'preupload': {
        const { files } = JSON.parse((await buffer(request)).toString()) as { files: { path: string }[] };
        return json(response, 200, {
          files: files.map((entry) => ({
            path: entry.path,
            uploadMode: isLarge(entry.path) ? 'lfs' : 'regular',
          })),
        });
      }
      case 'lfs': {
        const wanted = JSON.parse((await buffer(request)).toString()) as {
          objects: { oid: string; size: number }[];
        };
        return json(response, 200, {
          transfer: 'basic',
          objects: wanted.objects.map(({ oid, size }) => ({
            oid,
            size,
            ...(!objects.has(oid) && { actions: { upload: { href: `${store.url}/${oid}?sig=SECRET` } } }),
          })),
        });
      }
      default: {
        const lines = (await buffer(request))
          .toString()
          .split('\n')
          .map((line) => JSON.parse(line));
        const files: Record<string, Buffer> = {};
        for (const { key, value } of lines) {
          if (key === 'header') repo.messages.push(value.summary);
          if (key === 'file') files[value.path] = Buffer.from(value.content, 'base64');
          if (key === 'lfsFile') files[value.path] = objects.get(value.oid)!;
        }
        const commitOid = hub.commit(name, files);
        return json(response, 200, { commitOid, commitUrl: `${hub.url}/${name}/commit/${commitOid}` });
      }
    }
  }
  return hub;
}

function give(request: IncomingMessage, response: ServerResponse, content: Buffer, etag: string): void {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  const start = Number(first ?? 0);
  const part = content.subarray(start, last ? Number(last) + 1 : undefined);
  response.writeHead(first === undefined ? 200 : 206, {
    etag: `"${etag}"`,
    'content-length': part.byteLength,
    ...(first !== undefined && {
      'content-range': `bytes ${start}-${start + part.byteLength - 1}/${content.byteLength}`,
    }),
  });
  response.end(part);
}
