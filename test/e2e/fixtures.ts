import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ADAPTERS = fileURLToPath(new URL('../fixtures/adapters', import.meta.url));

/** The trained PEFT adapters among the fixtures: name and folder. */
export function fixtureAdapters(): { name: string; dir: string }[] {
  const found = readdirSync(ADAPTERS)
    .map((name) => ({ name, dir: join(ADAPTERS, name) }))
    .filter(({ dir }) => existsSync(join(dir, 'adapter_model.safetensors')))
    .filter(({ dir }) => existsSync(join(dir, 'adapter_config.json')));
  assert.ok(found.length > 0, `no adapters in ${ADAPTERS}`);
  return found;
}

export const packageVersion: string = JSON.parse(
  readFileSync(fileURLToPath(new URL('../../package.json', import.meta.url)), 'utf8'),
).version;
