import assert from 'node:assert/strict';
import { CARD_FILE, CONFIG_FILE, WEIGHTS_FILE } from '../../../src/adapter/file-names.ts';
import { fileNameOf } from '../../../src/resources/adapters/upload/part-name.ts';
import { ADAPTER_BODY, SQUEEZE_BODY } from '../../../src/resources/adapters/upload/store-upload.ts';
import { CHECKPOINT_BODY } from '../../../src/resources/runs/checkpoint-body.ts';
import { OPTIMIZER_FILE } from '../../../src/resources/runs/checkpoint-upload.ts';
import { assertNoPollution, orRefused } from '../invariants.ts';

/** The names that the service gives to files; whatever the client sends, the name is one of these. */
const OURS: readonly string[] = [WEIGHTS_FILE, CONFIG_FILE, CARD_FILE, OPTIMIZER_FILE];

/** The name and the filename of a part, separated by a zero. */
export function fuzz(data: Buffer): void {
  const [name, filename] = data.toString('utf8').split('\0', 2);
  for (const parts of [ADAPTER_BODY, SQUEEZE_BODY, CHECKPOINT_BODY]) {
    const ours = orRefused(() => fileNameOf(parts, name, filename));
    if (ours !== undefined) assert.ok(OURS.includes(ours), ours);
  }
  assertNoPollution();
}
