import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Broker } from '../../src/queue/broker.ts';
import { RedisRateCounter } from '../../src/queue/redis-rate-counter.ts';
import { SILENT, startBroker, until } from '../queue/harness.ts';

/** Where API processes count requests together: a private Redis. */
export interface RateCounterFixture {
  readonly rates: RedisRateCounter;
  readonly broker: Broker;
  /** The connection of one more process to the same counter. */
  another(): Promise<RedisRateCounter>;
  close(): Promise<void>;
}

export async function openRateCounter(): Promise<RateCounterFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'rate-counter-'));
  const broker = await startBroker(folder);
  const opened: RedisRateCounter[] = [];
  const open = async () => {
    const address = { socketPath: broker.socketPath };
    const rates = await RedisRateCounter.open({ address, prefix: 'test', logger: SILENT });
    opened.push(rates);
    // On a busy machine it is used before it is connected.
    await until('the connection', () => rates.count('connected', 1).catch(() => undefined));
    return rates;
  };
  return {
    rates: await open(),
    broker,
    another: open,
    async close() {
      for (const rates of opened) rates.close();
      await broker.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
