import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildTargets, targetNames } from './build-targets.ts';
import { jazzerIsMissing, runTarget } from './run-target.ts';

// Run by scripts/fuzz.sh with SECONDS, FOLDER, and the targets, or all of them if none is named.
const [seconds = '60', folder = 'data/fuzz', ...names] = process.argv.slice(2);

const missing = jazzerIsMissing();
if (missing) {
  process.stderr.write(`${missing}\n`);
  process.exit(2);
}
const bundles = mkdtempSync(join(tmpdir(), 'fuzz-targets-'));
try {
  await buildTargets(bundles);
  const place = { corpus: join(folder, 'corpus'), findings: join(folder, 'findings') };
  for (const name of names.length > 0 ? names : targetNames()) {
    const run = await runTarget(name, { seconds: Number(seconds), bundles, ...absolute(place) });
    const rate = Math.round(run.executions / Number(seconds));
    process.stdout.write(
      `${name}: ${run.executions} executions (${rate} a second), coverage ${run.coverage}, ${run.findings.length} findings\n`,
    );
    if (run.findings.length === 0) continue;
    process.stdout.write(`${run.findings.join('\n')}\n${run.log.slice(-4_000)}\n`);
    process.exitCode = 1;
  }
} finally {
  rmSync(bundles, { recursive: true, force: true });
}

function absolute<T extends Record<string, string>>(places: T): T {
  return Object.fromEntries(
    Object.entries(places).map(([key, path]) => [key, join(process.cwd(), path)]),
  ) as T;
}
