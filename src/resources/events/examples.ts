import type { ProgressEvent, StreamNotice } from '../../contract/event.ts';
import { JOB_EXAMPLE } from '../../contract/examples.ts';

/** Examples of the contract, with their types, so that an outdated example does not compile. */
export const progressEventExample: ProgressEvent = {
  type: 'job.progress',
  timestamp: '2026-11-24T21:50:12.100Z',
  data: {
    job_id: JOB_EXAMPLE.id,
    batch_id: null,
    progress: {
      phase: 'gram',
      done: 120,
      total: 224,
      module: 'model.layers.17.mlp.up_proj',
      attempt: 1,
    },
  },
};

export const streamNoticeExample: StreamNotice = {
  type: 'stream.open',
  timestamp: '2026-11-24T21:50:10.000Z',
  data: { last_event_id: null },
};
