/** A line of a body, without its line break. */
export interface BodyLine {
  /** The number of the line, counted from 1. */
  readonly number: number;
  /** undefined if the line is longer than allowed. */
  readonly bytes: Buffer | undefined;
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/**
 * The lines of a body as they arrive, without blank ones. At most one line, or one received chunk, is in memory.
 * @param maxBytes length of the longest line
 */
export async function* bodyLines(
  body: AsyncIterable<Buffer>,
  { maxBytes }: { readonly maxBytes: number },
): AsyncGenerator<BodyLine> {
  let number = 0;
  let begun: Buffer[] = [];
  let length = 0;
  const add = (piece: Buffer): void => {
    length += piece.length;
    if (length <= maxBytes + 1) begun.push(piece);
    else begun = [];
  };
  const line = (): BodyLine | undefined => {
    const whole = begun.length === 1 ? begun[0]! : Buffer.concat(begun);
    const bytes = whole.at(-1) === RETURN ? whole.subarray(0, -1) : whole;
    const isLong = length > maxBytes + 1 || bytes.length > maxBytes;
    const isBlank = !isLong && bytes.every((byte) => byte === 0x20 || byte === 0x09);
    number += 1;
    [begun, length] = [[], 0];
    return isBlank ? undefined : { number, bytes: isLong ? undefined : bytes };
  };
  for await (const chunk of body) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      add(chunk.subarray(from, end));
      from = end + 1;
      const whole = line();
      if (whole) yield whole;
    }
    if (from < chunk.length) add(chunk.subarray(from));
  }
  const last = length > 0 ? line() : undefined;
  if (last) yield last;
}
