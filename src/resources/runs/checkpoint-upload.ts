import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Adapter, LoraModule } from '../../adapter/adapter.ts';
import type { IncomingFile } from '../../adapter/digested-file.ts';
import { CONFIG_FILE, WEIGHTS_FILE } from '../../adapter/file-names.ts';
import { readOptimizerState } from '../../formats/peft/optimizer-state.ts';
import { readAdapter } from '../../formats/read-adapter.ts';
import { summarise } from '../../formats/summary.ts';
import { quote } from '../../json/quote.ts';
import { adapterDigest } from '../adapters/describe-adapter.ts';
import type { NewFile } from '../contents/content-files.ts';
import type { IncomingCheckpoint } from './decide.ts';
import { modulesByRank } from './run-manifest.ts';

/** The moments of the optimizer, which lie beside the adapter's own files. */
export const OPTIMIZER_FILE = 'optimizer.safetensors';

/** The contents of POST /v1/runs/{id}/checkpoints. */
export interface CheckpointUpload {
  readonly step: number;
  readonly rewind: boolean;
  /** The training loss; null if none was sent. */
  readonly loss: number | null;
  /** The adapter's files and possibly OPTIMIZER_FILE. */
  readonly files: readonly IncomingFile[];
}

/** A checkpoint that has been read, with the files to store if it is squeezed. */
export interface ReadCheckpoint {
  readonly arrival: IncomingCheckpoint;
  readonly adapterFiles: readonly IncomingFile[];
  readonly optimizerFile: IncomingFile | undefined;
  readonly modules: ModuleList;
}

/** Names and shapes of an adapter's modules, whatever their ranks: a JSON list of [name, shape], in name order. */
export type ModuleList = NewFile & { readonly data: Uint8Array };

/**
 * Reads a checkpoint from the headers of its files, so that one that cannot be squeezed or carried is refused at
 * once.
 * @throws AppError the errors of the format's reader (ST_*, CONFIG_*, LORA_*, …), OPTIMIZER_STATE_INVALID
 */
export async function readCheckpoint({
  step,
  rewind,
  loss,
  files,
}: CheckpointUpload): Promise<ReadCheckpoint> {
  const named = (name: string): IncomingFile | undefined => files.find((file) => file.name === name);
  const optimizerFile = named(OPTIMIZER_FILE);
  const configBytes = await readFile(named(CONFIG_FILE)!.path);
  const { adapter } = await readAdapter({ weightsPath: named(WEIGHTS_FILE)!.path, configBytes });
  if (optimizerFile) await readOptimizerState(optimizerFile.path, adapter);
  const adapterFiles = files.filter((file) => file !== optimizerFile);
  const modules = moduleList(adapter);
  const arrival: IncomingCheckpoint = {
    step,
    rewind,
    loss,
    digest: adapterDigest(adapterFiles),
    optimizerSha256: optimizerFile?.sha256 ?? null,
    ranks: summarise(adapter).ranks,
    modulesByRank: modulesByRank(adapter.modules),
    baseModel: adapter.baseModel,
    modulesSha256: modules.sha256,
  };
  return { arrival, adapterFiles, optimizerFile, modules };
}

function moduleList({ modules }: Adapter): ModuleList {
  const data = Buffer.from(JSON.stringify(modules.map((module) => [module.name, shapeOf(module)])));
  const sha256 = createHash('sha256').update(data).digest('hex');
  return { name: 'modules', sha256, bytes: data.byteLength, data };
}

/** Kind and shape of ΔW, with the kernel of a convolution. */
const shapeOf = ({ kind, m, a }: LoraModule): string => `${kind} [${[m, ...a.shape.slice(1)].join(', ')}]`;

/** Describes the first difference between two module lists (see ModuleList). */
export function moduleDifference(bytesBefore: Uint8Array, bytesNow: Uint8Array): string {
  const [before, now] = [shapesIn(bytesBefore), shapesIn(bytesNow)];
  for (const [name, shape] of before) {
    const other = now.get(name);
    if (other === undefined) return `module ${quote(name)} is missing`;
    if (other !== shape) return `module ${quote(name)} was ${shape} and is now ${other}`;
  }
  const added = [...now.keys()].find((name) => !before.has(name));
  return added === undefined ? 'the modules differ' : `module ${quote(added)} is new`;
}

const shapesIn = (bytes: Uint8Array): Map<string, string> =>
  new Map(JSON.parse(Buffer.from(bytes).toString('utf8')) as [string, string][]);
