import assert from 'node:assert/strict';
import { once } from 'node:events';
import { openAsBlob, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { LoraSqueeze, LoraSqueezeError } from '../../clients/typescript/src/index.ts';
import { startGateway } from './gateway.ts';
import { serviceFixture } from './service-fixture.ts';
import { ROOT } from './typescript-package.ts';

const ADAPTER = join(ROOT, 'examples/adapters/gpt2-lora-r8');
const WEIGHTS = join(ADAPTER, 'adapter_model.safetensors');

interface Line {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * A connection to the service on which a test can interfere with each request. @param meddle returns true if
 * it handles the request itself
 */
async function startLine(
  target: string,
  meddle: (incoming: IncomingMessage, answer: ServerResponse) => boolean,
): Promise<Line> {
  const server = createServer((incoming, answer) => {
    if (!meddle(incoming, answer)) forward(target, incoming, answer);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** @param onData may end the connection while the response arrives */
function forward(
  target: string,
  incoming: IncomingMessage,
  answer: ServerResponse,
  onData: (chunk: Buffer) => Buffer = (chunk) => chunk,
): void {
  const { method, headers, url = '' } = incoming;
  const forwarded = request(new URL(url, target), { method, headers });
  forwarded.on('response', (response) => {
    answer.writeHead(response.statusCode!, response.headers);
    response.on('data', (chunk: Buffer) => answer.write(onData(chunk)));
    response.on('end', () => answer.end());
    response.on('error', () => answer.destroy());
  });
  forwarded.on('error', () => answer.destroy());
  answer.on('close', () => forwarded.destroy());
  incoming.pipe(forwarded);
}

describe('the TypeScript client on a bad connection', () => {
  const fixture = serviceFixture('squeeze-typescript-faults');

  it('retries temporary failures, and creates only one adapter', async () => {
    const gateway = await startGateway(fixture.service.url, { failures: ['reset', 503, 429, 502] });
    try {
      const client = new LoraSqueeze({ baseUrl: gateway.url });
      const { id } = await client.adapters.upload(ADAPTER, { name: 'once', idempotencyKey: 'once' });
      assert.equal(gateway.failuresLeft(), 0);
      assert.equal((await client.adapters.upload(ADAPTER, { name: 'once', idempotencyKey: 'once' })).id, id);
    } finally {
      await gateway.close();
    }
  });

  it('reports the response of a gateway, which need not be JSON, and the refusal of the service', async () => {
    const gateway = await startGateway(fixture.service.url, { failures: [403] });
    try {
      const client = new LoraSqueeze({ baseUrl: gateway.url });
      await assert.rejects(client.jobs.get('x'), { code: 'HTTP_403', status: 403, retryable: false });
      await assert.rejects(client.jobs.get('x'), { code: 'JOB_NOT_FOUND', status: 404, retryable: false });
    } finally {
      await gateway.close();
    }
    const nowhere = new LoraSqueeze({ baseUrl: gateway.url, maxRetries: 1 });
    await assert.rejects(nowhere.jobs.get('x'), { code: 'SERVICE_UNREACHABLE', retryable: true });
  });

  it('stops at a deadline or a signal, even while it waits', async () => {
    const gateway = await startGateway(fixture.service.url, { failures: Array(50).fill(503) });
    try {
      const client = new LoraSqueeze({ baseUrl: gateway.url, maxRetries: 1000 });
      await assert.rejects(client.jobs.get('x', { timeoutMs: 20 }), { code: 'DEADLINE_EXCEEDED' });
      const reason = new Error('enough');
      await assert.rejects(client.jobs.get('x', { signal: AbortSignal.abort(reason) }), reason);
      const controller = new AbortController();
      const asked = client.jobs.get('x', { signal: controller.signal });
      controller.abort(reason);
      await assert.rejects(asked, reason);
    } finally {
      await gateway.close();
    }
  });

  it('resumes an upload that broke off, of a Blob, a stream or a path', async () => {
    let breaks = 0;
    const line = await startLine(fixture.service.url, (incoming, answer) => {
      if (incoming.method !== 'PATCH' || breaks <= 0) return false;
      breaks--;
      const { headers, url = '' } = incoming;
      const forwarded = request(new URL(url, fixture.service.url), { method: 'PATCH', headers });
      // Part of it arrives.
      incoming.once('data', (chunk: Buffer) => {
        forwarded.write(chunk.subarray(0, 1000), () => {
          forwarded.destroy();
          answer.destroy();
        });
      });
      forwarded.on('error', () => undefined);
      return true;
    });
    try {
      const client = new LoraSqueeze({ baseUrl: line.url });
      const filename = 'adapter_model.safetensors';
      const bytes = readFileSync(WEIGHTS);
      const contents = [await openAsBlob(WEIGHTS), Readable.from(chunks(bytes, 1000)), WEIGHTS, bytes];
      for (const content of contents) {
        breaks = 2;
        const { complete, received_bytes } = await client.uploads.create(content, { filename });
        assert.deepEqual([complete, received_bytes, breaks], [true, bytes.length, 0]);
      }
    } finally {
      await line.close();
    }
  });

  it('resumes a stream of events after the last one that arrived', async () => {
    const lastIds: (string | undefined)[] = [];
    const line = await startLine(fixture.service.url, (incoming, answer) => {
      if (!incoming.url!.endsWith('/events')) return false;
      lastIds.push(incoming.headers['last-event-id'] as string | undefined);
      const isFirst = lastIds.length === 1;
      forward(fixture.service.url, incoming, answer, (chunk) => {
        // The first event has arrived, and the connection breaks.
        if (isFirst && chunk.includes('data:')) setImmediate(() => answer.destroy());
        return chunk;
      });
      return true;
    });
    try {
      const client = new LoraSqueeze({ baseUrl: line.url });
      const { id: adapter_id } = await client.adapters.upload(ADAPTER);
      const job = await client.jobs.create({ kind: 'analyze', adapter_id });
      const states: string[] = [];
      for await (const { event, data } of client.jobs.events(job.id))
        if (event === 'state') states.push(data.state);
      assert.equal(states.at(-1), 'succeeded');
      assert.deepEqual([lastIds.length, lastIds[0], typeof lastIds[1]], [2, undefined, 'string']);
      assert.equal(new Set(states).size, states.length);
    } finally {
      await line.close();
    }
  });

  it('does not keep a file that differs from that of the service', async () => {
    const line = await startLine(fixture.service.url, (incoming, answer) => {
      if (!incoming.url!.includes('/files/')) return false;
      forward(fixture.service.url, incoming, answer, (chunk) => Buffer.from(chunk).fill(0, 0, 1));
      return true;
    });
    try {
      const client = new LoraSqueeze({ baseUrl: line.url, maxRetries: 1 });
      const { id } = await client.adapters.upload(ADAPTER);
      const folder = join(fixture.folder, 'never');
      await assert.rejects(client.adapters.download(id, folder), { code: 'DIGEST_MISMATCH' });
      await assert.rejects(client.adapters.file(id, 'adapter_config.json'), LoraSqueezeError);
    } finally {
      await line.close();
    }
  });
});

function* chunks(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
