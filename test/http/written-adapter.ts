import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AdapterOutcome } from '../../src/resources/jobs/executions/execution-outcome.ts';
import type { TestServer } from './server.ts';
import { CONFIG, type TinyAdapter, WEIGHTS } from './tiny-adapter.ts';

/** An adapter that a job wrote, as its compute process returns it. */
export async function writtenOf(server: TestServer, adapter: TinyAdapter): Promise<AdapterOutcome> {
  const folder = await server.store.makeScratch();
  const files = Object.entries({ [WEIGHTS]: adapter.weights, [CONFIG]: adapter.config }).map(
    ([name, content]) => {
      const path = join(folder, name);
      writeFileSync(path, content);
      return {
        name,
        path,
        sha256: createHash('sha256').update(content).digest('hex'),
        bytes: content.length,
      };
    },
  );
  const ready = await server.adapters.prepare(files);
  rmSync(folder, { recursive: true });
  return { description: ready.adapter.description, files: ready.written.files };
}
