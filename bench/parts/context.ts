import { rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { type AdapterSpec, factorBytes } from '../adapter/adapter-spec.ts';
import { writeAdapter } from '../adapter/write-adapter.ts';
import type { BenchOptions } from '../options.ts';

/** Adapters up to this size are kept on disk for the next run. */
const MAX_KEPT_BYTES = 1e9;
/** Space that always stays free on the disk. */
const RESERVE_BYTES = 2 * 2 ** 30;

/** What every part of the benchmark needs. */
export interface Context {
  readonly options: BenchOptions;
  /** The folder below which everything is created. */
  readonly homeDir: string;
  readonly repositoryDir: string;
  /** Reports progress to the person who is waiting. */
  say(line: string): void;
}

/** The result of a part: Markdown below its own `## ` headings, and the libraries that it used. */
export interface Section {
  readonly markdown: string;
  readonly versions?: Readonly<Record<string, string>>;
}

export const stateDir = (context: Context): string => join(context.homeDir, 'state');

/**
 * Makes the adapter unless it is there, lends its folder to `use`, and removes it afterwards when it is large.
 * @param copies how many times its size the service will store meanwhile, its own copy and results
 * @throws Error before anything is written when the disk has no room
 */
export async function withAdapter<T>(
  context: Context,
  spec: AdapterSpec,
  copies: number,
  use: (dir: string) => Promise<T>,
): Promise<T> {
  const bytes = factorBytes(spec);
  const needed = bytes * (1 + copies) + RESERVE_BYTES;
  const { bavail, bsize } = await statfs(context.homeDir);
  if (bavail * bsize < needed) {
    const gigabytes = (value: number) => (value / 1e9).toFixed(1);
    throw new Error(
      `${spec.name} needs ${gigabytes(needed)} GB of free disk, ${gigabytes(bavail * bsize)} GB are there`,
    );
  }
  const dir = join(context.homeDir, 'adapters', spec.name);
  context.say(`Making ${spec.name} (${(bytes / 1e6).toFixed(0)} MB), unless it is there …`);
  try {
    await writeAdapter(dir, spec);
    return await use(dir);
  } finally {
    if (bytes > MAX_KEPT_BYTES) await rm(dir, { recursive: true, force: true });
  }
}
