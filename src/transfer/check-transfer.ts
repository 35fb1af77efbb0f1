import type { Sink, Source } from '../contract/transfer.ts';
import type { Outbound } from '../net/outbound.ts';
import { checkUrlFiles } from './url-files.ts';
import { checkHeaders } from './url-sink.ts';

/**
 * Refuses a source or a sink that can never be served, when it is asked for and not only in the job: places where the
 * service does not connect to, and headers it sets itself. What names lead to is seen at the connection only.
 * @throws AppError OUTBOUND_URL_INVALID, OUTBOUND_FORBIDDEN, VALIDATION_FAILED
 */
export function checkTransfer(end: Source | Sink, outbound: Outbound): void {
  if (end.type === 's3') {
    if (end.endpoint !== undefined) outbound.checkUrl(end.endpoint);
  } else if (end.type === 'url') {
    checkUrlFiles(end);
    for (const file of Object.values(end.files)) {
      outbound.checkUrl(file.url);
      if ('headers' in file) checkHeaders(end);
    }
  }
}
