import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { squareAdapter } from '../../bench/adapter/adapter-spec.ts';
import { writeAdapter } from '../../bench/adapter/write-adapter.ts';
import { startGateway } from '../clients/gateway.ts';
import { testDatabase } from '../database/postgres-server.ts';
import { fixtureAdapters } from '../e2e/fixtures.ts';
import { startService } from '../main/service-process.ts';
import { FIT, startExternalRedis } from '../queue/external-redis.ts';
import { withFolder } from '../queue/harness.ts';
import { documents, ENTRY, environment, run } from './command.ts';
import type { PrintedResult } from './printed-result.ts';

const GPT2 = fixtureAdapters().find(({ name }) => name === 'peft-gpt2-mycguo')!.dir;
interface JobPage {
  readonly data: readonly { readonly state: string }[];
}
const LIMIT_MS = 60_000;
const POLL_MS = 5;

async function until(what: string, happens: () => boolean): Promise<void> {
  for (const deadline = Date.now() + LIMIT_MS; !happens(); await sleep(POLL_MS)) {
    assert.ok(Date.now() < deadline, `${what} did not happen`);
  }
}

describe('a run that is interrupted', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'cli-stopped-'));
  after(() => rmSync(scratch, { recursive: true, force: true }));
  const hidden = (folder: string): string[] =>
    existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith('.')) : [];

  const readdirOf = (folder: string): string[] =>
    existsSync(folder) ? readdirSync(folder).filter((name) => !name.startsWith('.')) : [];

  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`by ${signal} leaves nothing, and exits with ${code}`, async () => {
      const parent = join(scratch, signal);
      const ended = await run(['squeeze', GPT2, '--rank', '4', '--out', join(parent, 'out')], {
        onStart: (child) =>
          void until('the hidden folder', () => hidden(parent).length > 0).then(() => child.kill(signal)),
      });
      assert.deepEqual([ended.code, ended.stdout], [code, '']);
      assert.match(
        ended.stderr,
        new RegExp(`^lora-squeeze: stopped by ${signal}; nothing incomplete is left\n$`),
      );
      assert.equal(existsSync(parent), false);
    });
  }

  it('during the decomposition ends after the modules that are being decomposed', async () => {
    const source = join(scratch, 'large');
    await writeAdapter(source, squareAdapter(24, 512, 192));
    const parent = join(scratch, 'middle');
    // The file of the directions, which are more than fit into memory. It appears a moment after its folder.
    const isAtWork = (): boolean =>
      hidden(parent).some((name) => existsSync(join(parent, name, 'work', 'directions')));
    const args = ['squeeze', source, '--rank', '128', '--method', 'exact', '--out', join(parent, 'out')];
    const ended = await run(args, {
      onStart: (child) => void until('the first module', isAtWork).then(() => child.kill('SIGINT')),
    });
    assert.deepEqual([ended.code, ended.stdout], [130, ''], ended.stderr);
    assert.equal(existsSync(parent), false);
  });

  it('keeps the complete results of a batch, and does not start the others', async () => {
    const sources = Array.from('abcdefghijkl').map((name) => join(scratch, 'sources', name));
    for (const source of sources) cpSync(GPT2, source, { recursive: true });
    const out = join(scratch, 'batch');
    const ended = await run(['squeeze', ...sources, '--rank', '4', '--out', out], {
      onStart: (child) =>
        void until('the first result', () => readdirOf(out).length > 0).then(() => child.kill('SIGINT')),
    });
    const done = documents<PrintedResult>(ended.stdout);
    if (ended.code === 0) assert.fail('it was done before the signal came');
    assert.equal(ended.code, 130, ended.stderr);
    assert.ok(done.length >= 1 && done.length < sources.length);
    assert.deepEqual(
      readdirOf(out),
      done.map((made) => basename(made.out)),
    );
  });

  it('does not wait for a server that never answers', async () => {
    const server = createServer(() => {}).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      const parent = join(scratch, 'remote');
      const args = ['squeeze', GPT2, '--rank', '4', '--out', join(parent, 'out')];
      const ended = await run([...args, '--server', `http://127.0.0.1:${port}`], {
        onStart: (child) => void server.once('connection', () => child.kill('SIGINT')),
      });
      assert.equal(ended.code, 130, ended.stderr);
      assert.equal(existsSync(parent), false);
    } finally {
      server.close();
    }
  });

  it('cancels its own job on the server, and no other', () =>
    withFolder(async (DATA_DIR) => {
      const redis = await startExternalRedis(DATA_DIR, FIT);
      // There is no worker, so jobs wait.
      const service = await startService({
        ...{ DATA_DIR, ROLE: 'api', REDIS_URL: redis.url },
        DATABASE_URL: await testDatabase(),
      });
      const jobs = async () =>
        ((await (await fetch(`${service.url}/v1/jobs`)).json()) as JobPage).data.map(({ state }) => state);
      const interrupted = async () => {
        const gateway = await startGateway(service.url);
        // The response that names the job has arrived by then.
        const isFollowed = () => gateway.requests.some(({ path }) => /^\/v1\/jobs\/./.test(path));
        const out = join(scratch, 'cancel');
        const args = ['squeeze', GPT2, '--rank', '4', '--out', out, '--server', gateway.url];
        try {
          return await run(args, {
            onStart: (child) => void until('the job', isFollowed).then(() => child.kill('SIGINT')),
          });
        } finally {
          await gateway.close();
        }
      };
      try {
        assert.equal((await interrupted()).code, 130);
        assert.deepEqual(await jobs(), ['cancelled']);
        const page = (await (await fetch(`${service.url}/v1/adapters`)).json()) as {
          data: { id: string }[];
        };
        const adapterId = page.data[0]!.id;
        await fetch(`${service.url}/v1/jobs`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ kind: 'squeeze', adapter_id: adapterId, targets: [{ rank: 4 }] }),
        });
        assert.equal((await interrupted()).code, 130);
        // Its own job, although it waited for the same work.
        assert.deepEqual(await jobs(), ['cancelled', 'queued', 'cancelled']);
      } finally {
        await service.end();
        await redis.stop();
      }
    }));

  it('ends quietly if its reader closes the pipe', async () => {
    const script = 'set -o pipefail; "$0" "$@" | head -c 9 > /dev/null';
    // The second report is written when the pipe is already closed.
    const child = spawn('bash', ['-c', script, process.execPath, ...ENTRY, 'analyze', GPT2, GPT2], {
      env: environment(),
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const [code] = await once(child, 'close');
    assert.deepEqual([code, stderr], [0, '']);
  });
});
