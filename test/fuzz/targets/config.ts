import assert from 'node:assert/strict';
import { readMlxConfig } from '../../../src/formats/mlx/read-config.ts';
import { readConfig } from '../../../src/formats/peft/read-config.ts';
import { assertNoPollution, orRefused } from '../invariants.ts';

/** adapter_config.json of PEFT and of MLX. */
export function fuzz(data: Buffer): void {
  const peft = orRefused(() => readConfig(data));
  if (peft) {
    assert.ok(Number.isSafeInteger(peft.rank) && peft.rank >= 1 && Number.isFinite(peft.alpha));
    orRefused(() => peft.rankPattern.find('model.layers.0.self_attn.q_proj'));
  }
  const mlx = orRefused(() => readMlxConfig(data));
  if (mlx) assert.ok(Number.isFinite(mlx.scale));
  assertNoPollution();
}
