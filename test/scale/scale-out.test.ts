import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import { type PostgresServer, startPostgres } from '../database/postgres-server.ts';
import { readAdapterFiles } from '../e2e/client.ts';
import { fixtureAdapters } from '../e2e/fixtures.ts';
import { Trainer, train } from '../e2e/trainer.ts';
import { type ExternalRedis, FIT, startExternalRedis } from '../queue/external-redis.ts';
import { until } from '../queue/harness.ts';
import { makeAdapter, someModules } from '../squeeze/make-adapter.ts';
import { BUCKET, motoIsMissing, type S3Server, startMoto } from '../storage/s3-servers.ts';
import { type Member, startMember } from './deployment.ts';
import { type Network, openNetwork } from './network.ts';

const { dir } = fixtureAdapters().find(({ name }) => name === 'peft-gpt2-mycguo')!;
const TARGETS = [{ rank: 2 }, { energy: 0.9 }];
const SCHEDULE = {
  source_rank: 8,
  target_rank: 2,
  total_steps: 1000,
  recipe: 'equal' as const,
  min_stage_steps: 100,
};
const JOBS = 4;

interface Storage {
  /** The environment of every process. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

const folder = async (scratch: string): Promise<Storage> => ({
  env: { STORAGE_URL: `file:${join(scratch, 'storage')}` },
  close: async () => undefined,
});

/** moto listens on the loopback; the machines reach it over the bridge. */
async function bucket(_scratch: string, network: Network): Promise<Storage> {
  const server: S3Server = await startMoto();
  const relay = await relayTo(Number(new URL(server.url).port), network.address);
  const env = { STORAGE_URL: `s3://${BUCKET}/scale`, S3_FORCE_PATH_STYLE: 'true' };
  return {
    env: { ...server.env, ...env, AWS_ENDPOINT_URL_S3: relay.url },
    close: async () => {
      relay.server.close();
      await server.stop();
    },
  };
}

function relayTo(port: number, address: string): Promise<{ server: Server; url: string }> {
  const server = createServer((socket) => {
    const target = connect(port, '127.0.0.1');
    for (const end of [socket, target]) end.on('error', () => [socket, target].map((one) => one.destroy()));
    socket.pipe(target).pipe(socket);
  });
  return new Promise((resolve) =>
    server.listen(0, address, () => {
      const listening = server.address() as { port: number };
      resolve({ server, url: `http://${address}:${listening.port}` });
    }),
  );
}

for (const [name, open, skip] of [
  ['a shared folder', folder, false],
  ['a bucket, and no folder in common', bucket, motoIsMissing() ?? false],
] as const) {
  describe(`several machines with ${name}`, { skip }, () => {
    const scratch = mkdtempSync(join(tmpdir(), 'squeeze-scale-'));
    const running = new Set<Member>();
    let network: Network;
    let redis: ExternalRedis;
    const starts: Promise<Member>[] = [];
    let postgres: PostgresServer;
    let DATABASE_URL: string;
    let storage: Storage;
    let adapter: AdapterRecord;
    let [one, two]: Member[] = [];
    let [first, second]: Member[] = [];
    /** The APIs that are running. */
    let apis: readonly Member[] = [];
    /** The results that every job must give. */
    let expected: readonly string[];
    /** Ids of adapters with such content. */
    let results: readonly string[];

    before(async () => {
      network = openNetwork();
      const options = ['--bind', network.address, '--protected-mode', 'no'];
      redis = await startExternalRedis(scratch, [...FIT, ...options]);
      const listening = `listen_addresses=127.0.0.1,${network.address}`;
      postgres = await startPostgres(join(scratch, 'postgres'), ['fsync=off', listening]);
      DATABASE_URL = await postgres.newDatabase(network.address);
      storage = await open(scratch, network);
      [one, two, first] = await Promise.all([start('api'), start('api'), start('worker')]);
      apis = [one!, two!];
      ({ adapter } = await one!.client.upload(dir));
    });
    after(async () => {
      // If one of them failed to start, the others may still be starting.
      await Promise.allSettled(starts);
      for (const member of running) await member.die();
      await redis?.stop();
      await postgres?.stop();
      await storage?.close();
      network?.close();
      rmSync(scratch, { recursive: true, force: true });
    });

    async function start(role: 'api' | 'worker'): Promise<Member> {
      const REDIS_URL = `redis://${network.address}:${redis.port}`;
      const env = { REDIS_URL, DATABASE_URL, ...storage.env };
      const started = startMember(role, network.addMachine(), scratch, env);
      starts.push(started);
      const member = await started;
      running.add(member);
      return member;
    }

    async function post(api: Member): Promise<string> {
      const request = { kind: 'squeeze', adapter_id: adapter.id, targets: TARGETS, reuse: false };
      const response = await api.client.postJob(request);
      const text = await response.text();
      assert.equal(response.status, 202, text);
      return (JSON.parse(text) as JobRecord).id;
    }

    const postSome = (count: number): Promise<string[]> =>
      Promise.all(Array.from({ length: count }, (_, i) => post(apis[i % apis.length]!)));

    /**
     * Every job succeeded with this number of starts and gave the same adapters, and all APIs agree about it.
     */
    async function assertDone(ids: readonly string[], attempts = 1): Promise<void> {
      for (const id of ids) {
        const [job, ...others] = (await Promise.all(apis.map(({ client }) => client.finished(id)))) as [
          JobRecord,
          ...JobRecord[],
        ];
        assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
        assert.equal(job.attempts, attempts, `${id} began ${job.attempts} times`);
        assert.deepEqual(await apis[0]!.client.contents(job), expected);
        for (const other of others) assert.deepEqual(other, job);
      }
    }

    const stop = (member: Member): Promise<number | null> => {
      running.delete(member);
      return member.stop();
    };

    /** Stops the processes that compute a worker's jobs, and posts jobs until that worker has one. */
    async function holdJob(worker: Member): Promise<{ id: string; letGo(): void }> {
      const held = worker.computing();
      assert.ok(held.length > 0);
      for (const { pid } of held) process.kill(pid, 'SIGSTOP');
      for (;;) {
        const id = await post(two!);
        const isHeld = await until('the start of a job', async () => {
          if (worker.log().includes(id)) return 'yes';
          const { state } = await two!.client.json<JobRecord>(`/v1/jobs/${id}`);
          return state === 'succeeded' ? 'no' : undefined;
        });
        if (isHeld === 'no') continue;
        return { id, letGo: () => held.map(({ pid }) => process.kill(pid, 'SIGCONT')) };
      }
    }

    it('reach each other over the network only', (t) => {
      if (network.notIsolated) return t.skip(`all of them are this machine: ${network.notIsolated}`);
      assert.equal(new Set([...running].map(({ url }) => new URL(url).hostname)).size, 3);
      return undefined;
    });

    it('do the jobs that either API accepted', async () => {
      const job = await one!.client.finished(await post(two!));
      assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
      expected = await one!.client.contents(job);
      results = succeededResults(job).map(({ adapter_id }) => adapter_id);
      await assertDone(await postSome(JOBS));
    });

    it('share waiting jobs with a worker that joins', async () => {
      const held = await holdJob(first!);
      const waiting = await postSome(JOBS);
      second = await start('worker');
      await assertDone(waiting);
      held.letGo();
      await assertDone([held.id]);
      await until('the counts', async () => {
        const counts = await Promise.all([first!, second!].map((worker) => worker.endedJobs()));
        assert.ok(counts[0]! <= JOBS + 2 && counts[1]! <= JOBS, `jobs ended by worker: ${counts}`);
        return (counts[0] === JOBS + 2 && counts[1] === JOBS) || undefined;
      });
    });

    it('give the same bytes, from whichever API', async () => {
      for (const id of results) {
        const { files } = await one!.client.json<AdapterRecord>(`/v1/adapters/${id}`);
        for (const { name } of files) {
          const path = `/v1/adapters/${id}/files/${name}`;
          const [a, b] = await Promise.all([one!.client.bytes(path), two!.client.bytes(path)]);
          assert.ok(a.equals(b));
        }
      }
    });

    it('serve one annealing run through two APIs', async () => {
      const made = makeAdapter(someModules(8));
      const { weights, config } = readAdapterFiles(made.dir);
      made.remove();
      const here = await Trainer.begin(one!.client, { schedule: SCHEDULE });
      const there = new Trainer(two!.client, here.run);
      const record = await here.send(334, { weights, config: config.toString() });
      assert.equal(record.state, 'succeeded', JSON.stringify(record.error));
      assert.deepEqual(await there.finished(334), record);
      const again = await there.send(667, train(await there.load(record), 1));
      assert.equal(again.state, 'succeeded', JSON.stringify(again.error));
      assert.deepEqual(await here.now(), await there.now());
      assert.equal((await here.now()).at_target, true);
    });

    // Each old one is stopped when a new one is running: docs/deploy.md.
    it('are replaced under load, without losing or repeating a job: a stopped worker completes its own', async () => {
      const held = await holdJob(first!);
      const waiting = await postSome(JOBS);
      const firstStopped = stop(first!);
      waiting.push(...(await postSome(JOBS)));
      assert.equal(await stop(one!), 0, one!.log());
      apis = [two!];
      await assertDone(waiting);
      held.letGo();
      assert.equal(await firstStopped, 0, first!.log());
      await assertDone([held.id]);
    });

    // test/chaos kills workers that share a folder.
    if (open === bucket)
      it('take over the job of a worker that dies', async () => {
        const held = await holdJob(second!);
        running.delete(second!);
        await second!.die();
        const [third, waiting] = await Promise.all([start('worker'), postSome(JOBS)]);
        await assertDone([held.id], 2);
        await assertDone(waiting);
        assert.match(third.log(), /the worker of this execution disappeared; the execution starts again/);
      });

    it('keep nothing in their own folders that others need', () => {
      for (const { dataDir } of running) {
        const kept = readdirSync(dataDir, { recursive: true }).map(String);
        assert.deepEqual(
          kept.filter((path) => /^storage|jobs|broker/.test(path)),
          [],
          dataDir,
        );
      }
    });
  });
}
