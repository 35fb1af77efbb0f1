import { execFile, execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Debian's Python, for which python3-torch and python3-numpy are installed. */
const PYTHON = '/usr/bin/python3';
const scriptPath = (name: string) => fileURLToPath(new URL(`./${name}`, import.meta.url));
const TORCH = scriptPath('peers.py');
const NUMPY = scriptPath('peer_numpy.py');

export interface Peer {
  readonly name: string;
  /** So slow that it is run only once. */
  readonly slow: boolean;
  /** Program and arguments before SOURCE_DIR. */
  readonly command: readonly string[];
}

const torch = (method: string, slow: boolean): Peer => ({
  name: `torch: ${method}`,
  slow,
  command: [TORCH, 'run', method],
});

export const PEERS: readonly Peer[] = [
  torch('peft', true),
  torch('kohya', true),
  torch('factored-qr', false),
  { name: 'numpy: factored-qr', slow: false, command: [NUMPY] },
  torch('factored-gram', false),
  torch('factored-rsvd', false),
];

/** One run of a peer, in seconds; the time to start Python and import its libraries is only in `program`. */
export interface PeerRun {
  readonly load: number;
  readonly compute: number;
  readonly save: number;
  readonly total: number;
  /** The measured time: `total`, unless that is extrapolated. */
  readonly measured: number;
  /** Fewer than `modules`: the other times are extrapolated to all of them. */
  readonly modules_measured: number;
  readonly modules: number;
  readonly peak_bytes: number;
  readonly library: string;
  /** The whole program, from its start to its end; extrapolated as the total. */
  readonly program: number;
}

export interface Score {
  readonly optimum: number;
  readonly relative_error: number;
  /** error / optimum − 1 over all modules together, and of the worst module. */
  readonly excess: number;
  readonly worst_excess: number;
  readonly modules: number;
}

export function peersAreInstalled(): boolean {
  try {
    execFileSync(PYTHON, ['-c', 'import torch, safetensors, numpy'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export async function runPeer(
  peer: Peer,
  adapterDir: string,
  rank: number,
  outDir: string,
): Promise<PeerRun> {
  const startedMs = performance.now();
  const [run] = await python<Omit<PeerRun, 'program'>>(...peer.command, adapterDir, String(rank), outDir);
  const elapsed = (performance.now() - startedMs) / 1000;
  return { ...run!, program: elapsed - run!.measured + run!.total };
}

/** Scores squeezed folders in float64, one score for each. */
export function scoreFolders(adapterDir: string, rank: number, outDirs: readonly string[]): Promise<Score[]> {
  return python<Score>(TORCH, 'score', adapterDir, String(rank), ...outDirs);
}

async function python<T>(...words: string[]): Promise<T[]> {
  const { stdout } = await promisify(execFile)(PYTHON, words);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}
