import { Counter, type Registry } from 'prom-client';
import type { JobRecord } from '../contract/job.ts';

/** What jobs fetched from elsewhere, and brought there. */
export class TransferMetrics {
  private readonly transfers: Counter<'direction' | 'type'>;
  private readonly bytes: Counter<'direction' | 'type'>;

  constructor(registry: Registry) {
    const shared = { labelNames: ['direction', 'type'] as const, registers: [registry] };
    this.transfers = new Counter({
      ...shared,
      name: 'lora_squeeze_transfers_total',
      help: 'Adapters that finished jobs fetched (in) and brought (out), by the type of their place.',
    });
    this.bytes = new Counter({
      ...shared,
      name: 'lora_squeeze_transferred_bytes_total',
      help: 'Bytes of the files of these adapters.',
    });
  }

  jobFinished({ import: fetched, deliveries }: JobRecord): void {
    if (fetched) this.count('in', fetched);
    for (const { state, type, bytes } of deliveries)
      if (state === 'succeeded') this.count('out', { type, bytes: bytes ?? 0 });
  }

  private count(direction: 'in' | 'out', { type, bytes }: { type: string; bytes: number }): void {
    this.transfers.inc({ direction, type });
    this.bytes.inc({ direction, type }, bytes);
  }
}
