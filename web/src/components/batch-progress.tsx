import type { BatchRecord } from '../../../src/contract/batch.ts';
import { Bar } from './bar.tsx';

/** How many items of a batch have ended, and in which states. */
export function BatchProgress({ batch }: { batch: Pick<BatchRecord, 'counts' | 'progress' | 'state'> }) {
  const { counts, progress, state } = batch;
  const words = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([one, count]) => `${count.toLocaleString('en')} ${one}`)
    .join(', ');
  return (
    <>
      {state === 'active' && <Bar share={progress.done / Math.max(1, progress.total)} label="Batch" />}
      <span class="line">{words}</span>
    </>
  );
}
