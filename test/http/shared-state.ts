import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Broker } from '../../src/queue/broker.ts';
import { RedisSharedState } from '../../src/queue/shared-state.ts';
import { SILENT, startBroker, until } from '../queue/harness.ts';

/** What API processes share, in a private Redis. */
export interface SharedStateFixture {
  readonly shared: RedisSharedState;
  readonly broker: Broker;
  /** One more process's connection to the same state. */
  another(): Promise<RedisSharedState>;
  close(): Promise<void>;
}

export async function openSharedState(): Promise<SharedStateFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'shared-state-'));
  const broker = await startBroker(folder);
  const opened: RedisSharedState[] = [];
  const open = async () => {
    const address = { socketPath: broker.socketPath };
    const state = await RedisSharedState.open({ address, prefix: 'test', logger: SILENT });
    opened.push(state);
    // On a busy machine it opens before it is connected.
    await until('the connection', () => state.count('connected', 1).catch(() => undefined));
    return state;
  };
  return {
    shared: await open(),
    broker,
    another: open,
    async close() {
      for (const state of opened) state.close();
      await broker.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
