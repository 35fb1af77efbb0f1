import { assertNoPollution, assertSafetensors, orRefused } from '../invariants.ts';
import { safetensorsOf } from '../read-bytes.ts';

/** A whole weights file. */
export function fuzz(data: Buffer): void {
  const header = orRefused(() => safetensorsOf(data));
  if (header) assertSafetensors(header, data.length);
  assertNoPollution();
}
