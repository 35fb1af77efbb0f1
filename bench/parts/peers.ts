import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { llamaAdapter } from '../adapter/adapter-spec.ts';
import { peersPage } from '../peers/peers-page.ts';
import {
  PEERS,
  type PeerRun,
  peersAreInstalled,
  runPeer,
  type Score,
  scoreFolders,
} from '../peers/run-peers.ts';
import { measureService, type ServiceMeasurement } from '../service/measure-service.ts';
import { type Context, type Section, stateDir, withAdapter } from './context.ts';

const SOURCE_RANK = 64;
const METHODS = ['rsvd', 'exact'] as const;
const DEFAULT_RUNS = 5;
const QUICK_LAYERS = 2;

/**
 * The same adapter squeezed to the same rank on the same cores: by LoRA-Squeeze, and by the methods commonly used in
 * Python.
 */
export function measurePeers(context: Context): Promise<Section> {
  const { quick, skipPeers } = context.options;
  const spec = quick ? llamaAdapter(SOURCE_RANK, QUICK_LAYERS) : llamaAdapter(SOURCE_RANK);
  return withAdapter(context, spec, 4, async (adapterDir) => {
    const outDir = (name: string) => join(context.homeDir, 'out', name.replace(/\W+/g, '-'));
    try {
      const ours = await runOurs(context, adapterDir, outDir);
      const peers = skipPeers ? new Map<string, PeerRun[]>() : await runPeers(context, adapterDir, outDir);
      const scores = await score(context, adapterDir, [...ours.keys(), ...peers.keys()], outDir);
      const { provider } = [...ours.values()][0]!;
      const libraries = [...peers.values()].flat().map(({ library }) => library.split(' '));
      return {
        markdown: peersPage({ rank: context.options.rank, spec, ours, peers, scores }),
        versions: {
          'ONNX Runtime': `${provider.onnxruntime} (${provider.name})`,
          ...Object.fromEntries(libraries),
        },
      };
    } finally {
      await rm(join(context.homeDir, 'out'), { recursive: true, force: true });
    }
  });
}

type OutDir = (name: string) => string;

async function runOurs(context: Context, adapterDir: string, outDir: OutDir) {
  const { rank, quick, runs = quick ? 1 : DEFAULT_RUNS } = context.options;
  const found = new Map<string, ServiceMeasurement>();
  for (const method of METHODS) {
    context.say(`LoRA-Squeeze ${method}: 1 + ${runs} jobs …`);
    const request = { adapterDir, stateDir: stateDir(context), outDir: outDir(method), rank, runs };
    found.set(method, await measureService({ ...request, options: { method }, probe: true }));
  }
  return found;
}

async function runPeers(
  context: Context,
  adapterDir: string,
  outDir: OutDir,
): Promise<Map<string, PeerRun[]>> {
  const found = new Map<string, PeerRun[]>();
  if (!peersAreInstalled()) {
    context.say(
      'SKIPPED: the peers need /usr/bin/python3 with torch, numpy and safetensors (Debian: python3-torch,',
    );
    context.say('python3-numpy, python3-safetensors, and libopenblas0-pthread to be fair to them).');
    return found;
  }
  const { rank, quick, runs = quick ? 1 : DEFAULT_RUNS } = context.options;
  for (const peer of PEERS) {
    context.say(`${peer.name}: ${peer.slow ? 'one run' : `1 + ${runs} runs`} …`);
    const once = () => runPeer(peer, adapterDir, rank, outDir(peer.name));
    // The first run of fast programs is not counted: it loads the file and the libraries into the page cache.
    if (!peer.slow) await once();
    const done: PeerRun[] = [];
    for (let run = 0; run < (peer.slow ? 1 : runs); run++) done.push(await once());
    found.set(peer.name, done);
  }
  return found;
}

async function score(
  context: Context,
  adapterDir: string,
  names: readonly string[],
  outDir: OutDir,
): Promise<Map<string, Score>> {
  if (!peersAreInstalled()) return new Map();
  context.say('Scoring all results in float64 …');
  const found = await scoreFolders(adapterDir, context.options.rank, names.map(outDir));
  return new Map(names.map((name, i) => [name, found[i]!]));
}
