import { execFile, execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Debian's Python, where python3-torch lands. */
const PYTHON = '/usr/bin/python3';
const SCRIPT = fileURLToPath(new URL('./peers.py', import.meta.url));

/** The peers of peers.py, and whether one is so slow that it is run only once. */
export const PEERS = [
  { method: 'kohya', slow: true },
  { method: 'factored-qr', slow: false },
  { method: 'factored-gram', slow: false },
  { method: 'factored-rsvd', slow: false },
] as const;

/** One run of a peer, in seconds; the time to start Python and import torch is not in it. */
export interface PeerRun {
  readonly load: number;
  readonly compute: number;
  readonly save: number;
  readonly total: number;
  readonly peak_mb: number;
  readonly torch: string;
}

export interface Score {
  readonly optimum: number;
  readonly relative_error: number;
  /** error / optimum − 1 over all modules together, and of the worst module. */
  readonly excess: number;
  readonly worst_excess: number;
}

export function peersAreInstalled(): boolean {
  try {
    execFileSync(PYTHON, ['-c', 'import torch, safetensors'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export async function runPeer(
  method: string,
  adapterDir: string,
  rank: number,
  outDir: string,
): Promise<PeerRun> {
  const [run] = await python<PeerRun>('run', method, adapterDir, String(rank), outDir);
  return run!;
}

/** Judges squeezed folders in float64, one score for each. */
export function scoreFolders(adapterDir: string, rank: number, outDirs: readonly string[]): Promise<Score[]> {
  return python<Score>('score', adapterDir, String(rank), ...outDirs);
}

async function python<T>(...words: string[]): Promise<T[]> {
  const { stdout } = await promisify(execFile)(PYTHON, [SCRIPT, ...words]);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}
