import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { writeSeeds } from './seeds.ts';

const MAX_INPUT_BYTES = 8_192;
const MAX_MEMORY_MB = 2_048;

export interface FuzzRun {
  readonly executions: number;
  /** Edges of the code that were reached, as counted by Jazzer. */
  readonly coverage: number;
  /** Files with inputs that caused failures. */
  readonly findings: readonly string[];
  readonly log: string;
}

export interface FuzzOptions {
  readonly seconds: number;
  /** The folder into which buildTargets wrote. */
  readonly bundles: string;
  /** Kept between runs, each of which extends it. */
  readonly corpus: string;
  readonly findings: string;
}

/** Why Jazzer cannot run here; undefined if it can. Its native part exists for some platforms only. */
export function jazzerIsMissing(): string | undefined {
  try {
    createRequire(import.meta.url)('@jazzer.js/fuzzer');
    return undefined;
  } catch (error) {
    return `Jazzer.js cannot be loaded: ${String(error).split('\n')[0]}`;
  }
}

/** Lets Jazzer.js (libFuzzer) search for inputs that make a target fail, guided by the code they reach. */
export async function runTarget(target: string, options: FuzzOptions): Promise<FuzzRun> {
  const { seconds, bundles } = options;
  const [corpus, findings] = [join(options.corpus, target), join(options.findings, target)];
  writeSeeds(target, corpus);
  mkdirSync(findings, { recursive: true });
  const cli = join(dirname(createRequire(import.meta.url).resolve('@jazzer.js/core')), 'cli.js');
  // `reader` waits for tensors; the others are synchronous, which is faster.
  const mode = target === 'reader' ? [] : ['--sync'];
  const limits = [
    `-max_total_time=${seconds}`,
    `-max_len=${MAX_INPUT_BYTES}`,
    `-rss_limit_mb=${MAX_MEMORY_MB}`,
  ];
  const child = spawn(
    process.execPath,
    [cli, join(bundles, `${target}.cjs`), corpus, ...mode, '--', ...limits, `-artifact_prefix=${findings}/`],
    { cwd: bundles, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      log += chunk;
    });
  const [code] = (await once(child, 'close')) as [number | null];
  const found = readdirSync(findings).map((name) => join(findings, name));
  if (code !== 0 && found.length === 0)
    throw new Error(`Jazzer.js ended with ${code}:\n${log.slice(-3_000)}`);
  return {
    executions: Number(/Done (\d+) runs/.exec(log)?.[1] ?? 0),
    coverage: Number([...log.matchAll(/cov: (\d+)/g)].at(-1)?.[1] ?? 0),
    findings: found,
    log,
  };
}
