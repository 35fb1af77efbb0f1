import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureLlamaAdapter } from './llama-adapter.ts';
import {
  PEERS,
  type PeerRun,
  peersAreInstalled,
  runPeer,
  type Score,
  scoreFolders,
} from './measure-peers.ts';
import { measureService, type ServiceMeasurement } from './measure-service.ts';
import { readOptions } from './options.ts';
import { benchmarkPage } from './page.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const HOME = join(ROOT, 'data', 'bench');
const ADAPTER = join(HOME, 'llama-7b-r64');
const METHODS = ['rsvd', 'exact'] as const;
const say = (line: string) => console.error(line);

async function measurePeers(rank: number, runs: number): Promise<Map<string, PeerRun[]>> {
  const found = new Map<string, PeerRun[]>();
  for (const { method, slow } of PEERS) {
    say(`${method}: ${slow ? 'one run' : `1 + ${runs} runs`} …`);
    const done: PeerRun[] = [];
    // The first run of the fast ones is not counted: it brings the file and the libraries into the page cache.
    for (let run = slow ? 1 : 0; run <= (slow ? 1 : runs); run++) {
      done.push(await runPeer(method, ADAPTER, rank, outDir(method)));
    }
    found.set(method, slow ? done : done.slice(1));
  }
  return found;
}

const outDir = (name: string) => join(HOME, 'out', name);

const options = readOptions();
if (!existsSync(join(ROOT, 'dist', 'main.js'))) {
  console.error('dist/main.js is missing: run `npm run build` first.');
  process.exit(1);
}
say(`Making the adapter in ${ADAPTER}, unless it is there …`);
await ensureLlamaAdapter(ADAPTER);

const ours = new Map<string, ServiceMeasurement>();
for (const method of METHODS) {
  say(`LoRA-Squeeze ${method}: 1 + ${options.runs} jobs …`);
  const measured = await measureService({
    adapterDir: ADAPTER,
    stateDir: join(HOME, `state-${method}`),
    outDir: outDir(method),
    rank: options.rank,
    runs: options.runs,
    options: { method },
  });
  ours.set(method, measured);
}

const peersHere = !options.skipPeers && peersAreInstalled();
if (!peersHere && !options.skipPeers) {
  say('SKIPPED: the peers need /usr/bin/python3 with torch and safetensors (Debian: python3-torch,');
  say('python3-safetensors, and libopenblas0-pthread to be fair to them).');
}
const peers = peersHere ? await measurePeers(options.rank, options.runs) : new Map<string, PeerRun[]>();
const scores = new Map<string, Score>();
if (peersHere) {
  say('Scoring all results in float64 …');
  const names = [...ours.keys(), ...peers.keys()];
  const found = await scoreFolders(ADAPTER, options.rank, names.map(outDir));
  names.forEach((name, i) => {
    scores.set(name, found[i]!);
  });
}
await rm(join(HOME, 'out'), { recursive: true, force: true });

const words = process.argv.slice(2);
const command = ['npm run bench --silent', ...(words.length > 0 ? ['--', ...words] : [])].join(' ');
console.log(benchmarkPage({ rank: options.rank, ours, peers, scores, command }));
