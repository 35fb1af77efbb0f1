import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import { startGateway } from '../clients/gateway.ts';
import { serviceFixture } from '../clients/service-fixture.ts';
import { adapterWith, GOOD_ADAPTER } from '../e2e/bad-adapters.ts';
import { fixtureAdapters } from '../e2e/fixtures.ts';
import { documents, run, runCalls } from './command.ts';
import { assertSameFiles, type PrintedResult, parseResult } from './printed-result.ts';

const GPT2 = fixtureAdapters().find(({ name }) => name === 'peft-gpt2-mycguo')!.dir;

// Run concurrently, because connecting to a server that cannot be reached is retried for seconds.
describe('a server that does the work for the command', { concurrency: 2 }, () => {
  const at = serviceFixture('cli-remote');
  const squeeze = (out: string, url: string, ...more: string[]): string[] => [
    'squeeze',
    GPT2,
    '--rank',
    '2',
    '--out',
    join(at.folder, out),
    '--server',
    url,
    ...more,
  ];

  function adapter(name: string, { weights, config }: Partial<typeof GOOD_ADAPTER>): string {
    const folder = join(at.folder, name);
    mkdirSync(folder);
    writeFileSync(join(folder, 'adapter_model.safetensors'), weights!);
    writeFileSync(join(folder, 'adapter_config.json'), config!);
    return folder;
  }

  it('is given by the environment, may have a path, and gets the key in every request', async () => {
    const gateway = await startGateway(at.service.url, { prefix: '/lora' });
    try {
      const env = { LORA_SQUEEZE_URL: `${gateway.url}/lora/`, LORA_SQUEEZE_KEY: 'lsq_from_environment' };
      const out = join(at.folder, 'environment');
      parseResult(await run(['squeeze', GPT2, '--rank', '2', '--out', out], { env }));
      assert.ok(gateway.requests.length >= 5);
      for (const { path, authorization } of gateway.requests) {
        assert.match(path, /^\/lora\/v1\//);
        assert.equal(authorization, 'Bearer lsq_from_environment');
      }
      // The length is sent, so that a server can refuse a large body before it arrives.
      assert.ok(gateway.requests.every(({ chunked }) => !chunked));
      const before = gateway.requests.length;
      const local = parseResult(
        await run(['squeeze', GPT2, '--rank', '2', '--local', '--out', `${out}-local`], { env }),
      );
      assert.equal(gateway.requests.length, before);
      assertSameFiles(out, local.out);
      parseResult(await run(squeeze('key', `${gateway.url}/lora`, '--key', 'lsq_said'), { env }));
      assert.equal(gateway.requests.at(-1)?.authorization, 'Bearer lsq_said');
    } finally {
      await gateway.close();
    }
  });

  it('is asked again if it is busy, or if the connection breaks', async () => {
    const gateway = await startGateway(at.service.url, {
      failures: [429, 'reset', 503, 503, 'reset', 429, 429],
    });
    try {
      parseResult(await run(squeeze('again', gateway.url)));
      assert.equal(gateway.failuresLeft(), 0);
    } finally {
      await gateway.close();
    }
  });

  it('is asked again as long as its problems are retryable, whatever their status', async () => {
    const problems = [
      [500, { code: 'INTERNAL', detail: 'Once.', retryable: true }, '0'],
      [409, { code: 'IDEMPOTENCY_IN_FLIGHT', detail: 'Twice.', retryable: true }, '0'],
      [429, { code: 'QUOTA_STORED_BYTES', detail: 'All of it is used.', retryable: false }, '900'],
    ] as const;
    const keys: unknown[] = [];
    const busy = createServer((incoming, answer) => {
      const [status, problem, retryAfter] = problems[keys.length]!;
      keys.push(incoming.headers['idempotency-key']);
      const type = 'application/problem+json';
      incoming.resume().on('end', () => {
        answer.writeHead(status, { 'content-type': type, 'retry-after': retryAfter, connection: 'close' });
        answer.end(JSON.stringify(problem));
      });
    }).listen(0, '127.0.0.1');
    await once(busy, 'listening');
    try {
      const { port } = busy.address() as AddressInfo;
      const ended = await run(squeeze('full', `http://127.0.0.1:${port}`));
      assert.equal(ended.code, 1);
      assert.match(ended.stderr, /^lora-squeeze: QUOTA_STORED_BYTES: All of it is used\.\n$/);
      assert.equal(keys.length, problems.length);
      assert.ok(keys[0] !== undefined && new Set(keys).size === 1, 'sent again under one key');
    } finally {
      busy.close();
    }
  });

  it('is given up if it cannot be reached', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    closed.close();
    const ended = await run(squeeze('unreachable', `http://127.0.0.1:${port}`));
    assert.equal(ended.code, 1);
    assert.match(
      ended.stderr,
      /^lora-squeeze: SERVER_UNREACHABLE: http:\/\/127\.0\.0\.1:\d+ cannot be reached: .+\n$/,
    );
    assert.equal(documents<PrintedResult>(ended.stdout)[0]?.error?.code, 'SERVER_UNREACHABLE');
    assert.equal(existsSync(join(at.folder, 'unreachable')), false);
  });

  it('is recognised by its responses as a different kind of server', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const answers: readonly [status: number, body: string, error: RegExp][] = [
      [200, '<h1>Welcome to nginx!</h1>', /NOT_THE_SERVICE: .*\/v1\/adapters does not answer with JSON/],
      [200, deep, /NOT_THE_SERVICE: .*\/v1\/adapters does not answer with JSON/],
      [400, `{"code":"X","detail":"y","context":${deep}}`, /HTTP_400: The server answered 400 Bad Request/],
    ];
    const other = createServer((incoming, answer) => {
      const [status, body] = answers[Number(incoming.url!.split('/')[1])]!;
      incoming.resume().on('end', () => answer.writeHead(status).end(body));
    }).listen(0, '127.0.0.1');
    await once(other, 'listening');
    try {
      const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
      const calls = [...answers.map((_, i) => `${url}/${i}`), `${at.service.url}/nowhere`];
      const ended = await runCalls(calls.map((server, i) => ({ args: squeeze(`other-${i}`, server) })));
      const errors = [...answers.map(([, , error]) => error), /^lora-squeeze: NOT_FOUND: /];
      for (const [i, error] of errors.entries()) {
        assert.equal(ended[i]?.code, 1);
        assert.match(ended[i]!.stderr, error);
        assert.doesNotMatch(ended[i]!.stderr, /stack/);
      }
    } finally {
      other.close();
    }
  });

  it('names and keeps the result as requested', async () => {
    const more = ['--name', '{source} for search', '--label', 'team=search', '--label', 'why=a=b'];
    parseResult(await run(squeeze('named', at.service.url, '--no-uniform', ...more, '--expires-in', '2h')));
    const list = await fetch(`${at.service.url}/v1/adapters?label=team:search&label=why:a=b`);
    const { data } = (await list.json()) as { data: AdapterRecord[] };
    assert.equal(data.length, 1);
    assert.match(data[0]!.name, / for search$/);
    const seconds = (Date.parse(data[0]!.expires_at!) - Date.parse(data[0]!.created_at)) / 1000;
    assert.equal(Math.floor(seconds), 7200);
    const ended = await run(squeeze('misnamed', at.service.url, '--name', '{sauce}'));
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /VALIDATION_FAILED: --name has the placeholder "\{sauce\}"/);
  });

  it('reports its own refusals: of the upload, of the request and in the job', async () => {
    const cut = adapter('cut', { ...GOOD_ADAPTER, weights: GOOD_ADAPTER.weights.subarray(0, -1) });
    const infinite = adapter('infinite', adapterWith(Number.POSITIVE_INFINITY));
    const cases: [args: string[], code: string, words: RegExp][] = [
      [[cut, '--rank', '2'], 'ST_BUFFER_NOT_COVERED', /bytes/],
      [[GPT2, '--profile', 'nobody'], 'UNKNOWN_PROFILE', /"nobody"; the profiles are vllm/],
      [[infinite, '--rank', '2'], 'NON_FINITE_WEIGHTS', /lora_B/],
    ];
    const ended = await runCalls(
      cases.map(([args, code]) => ({
        args: ['squeeze', ...args, '--out', join(at.folder, code), '--server', at.service.url],
      })),
    );
    for (const [i, [, expected, words]] of cases.entries()) {
      const { code, stdout, stderr } = ended[i]!;
      assert.equal(code, 1, stdout);
      assert.ok(stderr.startsWith(`lora-squeeze: ${expected}: `), stderr);
      assert.match(stderr, words);
      assert.equal(documents<PrintedResult>(stdout)[0]?.error?.code, expected);
      assert.equal(existsSync(join(at.folder, expected)), false);
    }
  });

  it('is not trusted if the digest of a file does not match', async () => {
    const forging = createServer((incoming, answer) => {
      const { url = '', method, headers } = incoming;
      const forwarded = request(new URL(url, at.service.url), { method, headers });
      forwarded.on('response', (response) => {
        const isWeights = url.endsWith('adapter_model.safetensors');
        answer.writeHead(response.statusCode!, response.headers);
        if (!isWeights) return void response.pipe(answer);
        response.on('data', (chunk: Buffer) => answer.write(flipped(chunk)));
        response.on('end', () => answer.end());
      });
      incoming.pipe(forwarded);
    }).listen(0, '127.0.0.1');
    await once(forging, 'listening');
    try {
      const ended = await run(
        squeeze('forged', `http://127.0.0.1:${(forging.address() as AddressInfo).port}`),
      );
      assert.equal(ended.code, 1);
      assert.match(
        ended.stderr,
        /DIGEST_MISMATCH: The downloaded adapter_model\.safetensors differs from the file on the server/,
      );
      assert.equal(existsSync(join(at.folder, 'forged')), false);
    } finally {
      forging.close();
      forging.closeAllConnections();
    }
  });
});

/** The same bytes with one bit changed. */
function flipped(chunk: Buffer): Buffer {
  const copy = Buffer.from(chunk);
  copy[copy.length - 1]! ^= 1;
  return copy;
}
