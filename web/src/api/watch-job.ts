import type { JobEvent } from '../../../src/contract/job.ts';
import { ProblemError } from './problem.ts';
import { request } from './request.ts';

const AGAIN_MS = 1_500;

/**
 * What happens to a job until it has ended. Server-Sent Events by fetch, because EventSource cannot send a key; goes on
 * after the last event when a connection breaks.
 * @throws ProblemError what will not pass by itself
 */
export async function* watchJob(jobId: string, signal: AbortSignal): AsyncGenerator<JobEvent> {
  for (let lastId: string | undefined; !signal.aborted; ) {
    try {
      const headers = lastId === undefined ? {} : { 'last-event-id': lastId };
      const response = await request(`/v1/jobs/${jobId}/events`, { headers, signal });
      if (response.status === 204) return;
      for await (const event of eventsIn(response.body!)) {
        lastId = event.id;
        yield event;
        if (event.event === 'state' && event.data.finished_at !== null) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ProblemError && !error.problem.retryable) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

async function* eventsIn(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<JobEvent> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += value;
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const event = eventOf(text.slice(0, end));
        text = text.slice(end + 2);
        if (event) yield event;
      }
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

function eventOf(block: string): JobEvent | undefined {
  const fields = new Map(
    block.split('\n').map((line): [string, string] => {
      const colon = line.indexOf(': ');
      return [line.slice(0, colon), line.slice(colon + 2)];
    }),
  );
  const data = fields.get('data');
  if (data === undefined) return undefined;
  return { id: fields.get('id') ?? '', event: fields.get('event'), data: JSON.parse(data) } as JobEvent;
}
