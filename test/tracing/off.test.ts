import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startService } from '../main/service-process.ts';
import { withFolder } from '../queue/harness.ts';
import { type Collector, startCollector } from './collector.ts';
import { logLines } from './log-lines.ts';
import { squeezeOnce } from './upload.ts';

const PRELOAD = new URL('./list-loaded.mjs', import.meta.url).href;
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const HEADERS = { prefer: 'wait=50', traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01` };

/** The lazily loaded modules that the main process and the compute process of a service loaded. */
async function lazilyLoaded(
  env: NodeJS.ProcessEnv,
): Promise<{ main: string[]; compute: string[]; output: string }> {
  return withFolder(async (DATA_DIR) => {
    const LOADED_DIR = join(DATA_DIR, 'loaded');
    mkdirSync(LOADED_DIR);
    const service = await startService({ DATA_DIR, LOADED_DIR, NODE_OPTIONS: `--import=${PRELOAD}`, ...env });
    assert.equal((await squeezeOnce(service.url, HEADERS)).state, 'succeeded');
    assert.equal(await service.end(), 0);
    const processes = readdirSync(LOADED_DIR)
      .filter((name) => name.endsWith('.json'))
      .map((name) => {
        const path = join(LOADED_DIR, name);
        const modules = readFileSync(path.replace(/json$/, 'modules'), 'utf8').split('\n');
        return { argv: JSON.parse(readFileSync(path, 'utf8')) as string[], modules };
      });
    const partsOf = (isIt: (argv: string[]) => boolean): string[] => {
      const found = processes.filter(({ argv }) => isIt(argv));
      assert.equal(found.length, 1);
      assert.ok(found[0]!.modules.some((path) => /\/(?:src|dist)\//.test(path)));
      return [...new Set(found[0]!.modules.flatMap((path) => /otel-tracing/.exec(path) ?? []))].sort();
    };
    return {
      main: partsOf((argv) => argv.some((path) => /[/\\](?:src|dist)[/\\]main\.[jt]s$/.test(path))),
      compute: partsOf((argv) => argv.some((path) => path.endsWith('bullmq/dist/cjs/classes/main.js'))),
      output: service.output(),
    };
  });
}

describe('tracing', () => {
  let collector: Collector;
  before(async () => {
    collector = await startCollector();
  });
  after(() => collector.close());

  it('is not loaded unless requested, sends nothing, and passes on the trace of a client', async () => {
    const { main, compute, output } = await lazilyLoaded({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_TRACES_EXPORTER: 'none',
      LOG_LEVEL: 'debug',
    });
    assert.deepEqual(main, []);
    assert.deepEqual(compute, []);
    assert.deepEqual(collector.requests, []);
    const lines = logLines(output).filter(({ traceId }) => traceId === TRACE_ID);
    const messages = new Set(lines.map(({ msg }) => msg));
    for (const msg of ['request', 'job started', 'attempt started', 'job ended'])
      assert.ok(messages.has(msg), msg);
  });

  it('is loaded on request, and no job or request fails if there is no collector', async () => {
    const gone = await startCollector();
    await gone.close();
    const { main, compute, output } = await lazilyLoaded({
      OTEL_EXPORTER_OTLP_ENDPOINT: gone.url,
      OTEL_EXPORTER_OTLP_TIMEOUT: '300',
    });
    assert.deepEqual(main, ['otel-tracing']);
    assert.deepEqual(compute, ['otel-tracing']);
    assert.match(output, /traces cannot be sent/);
  });
});
