/**
 * Moments in what a process sends, as conditions for a HoldingProxy: each gets all bytes of a connection so
 * far, with the latest piece at the end.
 */
type Moment = (sent: string) => boolean;

const CONTENT = /^PUT \/\S*?(content\/[\w/-]+)\S* HTTP\/1\.1\r\n/;
const LENGTH = /\r\n(?:x-amz-decoded-)?content-length: (\d+)\r\n/i;
const OFF_BY = 0.05;

/**
 * S3: content is uploaded. @param bytes about this many; content of another point that is repeated has more
 * or fewer
 */
export const putsContent =
  (bytes: number): Moment =>
  (sent) => {
    const request = sent.slice(sent.lastIndexOf('PUT /'));
    if (!CONTENT.test(request) || !request.includes('\r\n\r\n')) return false;
    return Math.abs(Number(LENGTH.exec(request)?.[1]) - bytes) < OFF_BY * bytes;
  };

/** The key of the content that `putsContent` found. */
export function contentOf(sent: string): string {
  const key = CONTENT.exec(sent.slice(sent.lastIndexOf('PUT /')))?.[1];
  if (key === undefined) throw new Error(`no content is put by ${sent.slice(0, 200)}`);
  return key;
}

/**
 * PostgreSQL: a transaction is about to commit.
 * @param text in its statements or their values
 * @param others texts in transactions that are not meant
 */
export const commits =
  (text: string, others: readonly string[] = []): Moment =>
  (sent) => {
    if (!sent.endsWith('commit\0')) return false;
    const transaction = sent.slice(sent.lastIndexOf('begin\0'));
    return transaction.includes(text) && !others.some((other) => transaction.includes(other));
  };

const MOVED = /(ex_[0-9a-f]+)-\d+\r\n\$\d+\r\n\d+\r\n\$11\r\nreturnvalue\r\n/g;

/** Redis: BullMQ is informed that a dispatch is complete. @param others executions that are not meant */
export const acknowledges =
  (others: ReadonlySet<string>): Moment =>
  (sent) =>
    [...sent.matchAll(MOVED)].some(([, execution]) => !others.has(execution!));

/** HTTP: an event is sent to the receiver of a webhook. @param path of the webhook */
export const posts =
  (path: string): Moment =>
  (sent) =>
    sent.includes(`POST ${path} HTTP/1.1\r\n`);
