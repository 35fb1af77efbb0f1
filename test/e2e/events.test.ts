import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import { noPostgres, testDatabase } from '../database/postgres-server.ts';
import { EventStream } from '../http/event-stream.ts';
import { formOf, tinyAdapter } from '../http/tiny-adapter.ts';
import { FIT, startExternalRedis } from '../queue/external-redis.ts';
import { type Member, startMember } from '../scale/deployment.ts';

const HERE = { address: '127.0.0.1', command: [] };

async function sent<T>(path: string, init: RequestInit): Promise<T> {
  const response = await fetch(path, { method: 'POST', ...init });
  assert.ok(response.ok, await response.clone().text());
  return (await response.json()) as T;
}

async function submit({ url }: Member): Promise<string> {
  const { id: adapter_id } = await sent<AdapterRecord>(`${url}/v1/adapters`, { body: formOf(tinyAdapter()) });
  const { id } = await sent<JobRecord>(`${url}/v1/jobs`, {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ kind: 'squeeze', adapter_id, targets: [{ rank: 2 }], reuse: false }),
  });
  return id;
}

const ended = (jobId: string) => (stream: EventStream) =>
  stream.events.some(({ event, data }) => event === 'job.succeeded' && data.data.job.id === jobId);
const received = (stream: EventStream) =>
  stream.events.flatMap(({ event, data }) => (data.data.job ? `${event} ${data.data.job.id}` : []));
const course = (...jobIds: string[]) =>
  jobIds.flatMap((id) => ['queued', 'started', 'succeeded'].map((state) => `job.${state} ${id}`));

it('events reach a stream at any process, continue at another one, and need no Redis', {
  skip: noPostgres,
}, async () => {
  const scratch = mkdtempSync(join(tmpdir(), 'ls-events-'));
  const redis = await startExternalRedis(scratch, FIT);
  const members: Member[] = [];
  try {
    const env = {
      DATABASE_URL: await testDatabase(),
      REDIS_URL: redis.url,
      STORAGE_URL: `file:${join(scratch, 'storage')}`,
      SECRETS_KEYS: Buffer.alloc(32, 1).toString('base64'),
    };
    const start = async (role: Member['role']) => {
      const member = await startMember(role, HERE, scratch, env);
      members.push(member);
      return member;
    };
    const [one, other] = [await start('api'), await start('api')];
    await start('worker');
    const stream = await EventStream.open(`${other.url}/v1/events`);
    await stream.until(({ events }) => events.length === 1);
    const first = await submit(one);
    await stream.until(ended(first));
    assert.deepEqual(received(stream), course(first));

    // The process dies during the stream; another one sends what happens meanwhile.
    await other.die();
    await stream.end();
    const second = await submit(one);
    const again = await EventStream.open(`${one.url}/v1/events`, { 'last-event-id': stream.ids.at(-1)! });
    await again.until(ended(second));
    assert.deepEqual(received(again), course(second));
    const whole = await EventStream.open(`${one.url}/v1/events`, { 'last-event-id': stream.ids[0]! });
    await whole.until(ended(second));
    assert.deepEqual(received(whole), course(first, second));

    const third = await start('api');
    const late = await EventStream.open(`${third.url}/v1/events`, { 'last-event-id': again.ids.at(-1)! });
    await late.until(({ events }) => events.length === 1);
    await redis.stop();
    const last = await submit(one);
    await late.until((all) => received(all).includes(`job.queued ${last}`));
    for (const each of [again, whole, late]) each.vanish();
  } finally {
    await Promise.all(members.map((member) => member.die()));
    await redis.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
});
