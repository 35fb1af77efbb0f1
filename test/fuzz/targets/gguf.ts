import { assertGguf, assertNoPollution, orRefused } from '../invariants.ts';
import { ggufOf } from '../read-bytes.ts';

/** A whole GGUF file. */
export function fuzz(data: Buffer): void {
  const header = orRefused(() => ggufOf(data));
  if (header) assertGguf(header, data.length);
  assertNoPollution();
}
