import { bytesOf, type Content, partsOf } from './content.ts';
import { LoraSqueezeError } from './errors.ts';
import { nodeModule } from './node.ts';

/** The files of an adapter. */
export interface AdapterFiles {
  /** safetensors or GGUF. */
  readonly weights: Content;
  /** adapter_config.json, for formats that have one (PEFT, MLX): the file, or its contents as an object. */
  readonly config?: Content | Readonly<Record<string, unknown>> | undefined;
}

/** In Node, the path of a folder or of a weights file; otherwise its files. */
export type AdapterSource = string | AdapterFiles;

export const WEIGHTS = 'adapter_model.safetensors';
export const CONFIG = 'adapter_config.json';
export const OPTIMIZER = 'optimizer.safetensors';

/** Names that training libraries give to weights files. */
const USUAL_WEIGHTS = [WEIGHTS, 'pytorch_lora_weights.safetensors', 'adapters.safetensors'];
const IS_WEIGHTS = /\.(?:safetensors|gguf)$/i;

/** The files of an adapter, and a default name for it. */
export interface ResolvedFiles {
  readonly weights: Content;
  readonly config: Content | undefined;
  /** The name of the folder, or of the file without its extension; undefined without a path. */
  readonly name: string | undefined;
}

/** @throws LoraSqueezeError FILE_MISSING; errors of the file system; TypeError for a path outside Node */
export async function resolveFiles(source: AdapterSource): Promise<ResolvedFiles> {
  if (typeof source === 'string') return filesAt(source);
  const { weights, config } = source;
  return { weights, config: isContent(config) ? config : jsonBlob(config), name: undefined };
}

const isContent = (config: AdapterFiles['config']): config is Content | undefined =>
  config === undefined ||
  typeof config === 'string' ||
  config instanceof Blob ||
  config instanceof Uint8Array ||
  config instanceof ReadableStream ||
  Symbol.asyncIterator in config;

const jsonBlob = (value: unknown): Blob => new Blob([JSON.stringify(value)], { type: 'application/json' });

async function filesAt(path: string): Promise<ResolvedFiles> {
  const { readdir, stat } = nodeModule('node:fs/promises');
  const { basename, dirname, join, resolve } = nodeModule('node:path');
  const name = basename(resolve(path));
  if (!(await stat(path)).isDirectory()) {
    const folder = dirname(path);
    const hasConfig = USUAL_WEIGHTS.includes(name) && (await readdir(folder)).includes(CONFIG);
    const config = hasConfig ? join(folder, CONFIG) : undefined;
    return { weights: path, config, name: name.replace(IS_WEIGHTS, '') };
  }
  const names = await readdir(path);
  const usual = USUAL_WEIGHTS.find((each) => names.includes(each));
  const found = usual === undefined ? names.filter((each) => IS_WEIGHTS.test(each)) : [usual];
  if (found.length !== 1) {
    const what = found.length === 0 ? 'no weights file' : `several weights files: ${found.join(', ')}`;
    const detail = `${path} has ${what}. Say the path of one (.safetensors, .gguf).`;
    throw new LoraSqueezeError({ code: 'FILE_MISSING', detail, retryable: false });
  }
  const config = names.includes(CONFIG) ? join(path, CONFIG) : undefined;
  return { weights: join(path, found[0]!), config, name };
}

/** The moments of an optimizer beside a checkpoint's weights. */
export async function optimizerFile(path: string): Promise<string | undefined> {
  const { stat } = nodeModule('node:fs/promises');
  const { join } = nodeModule('node:path');
  const file = join(path, OPTIMIZER);
  return stat(file).then(
    () => file,
    () => undefined,
  );
}

/** Its size; undefined for a stream, whose size is known only at its end. */
export async function sizeOf(content: Content | undefined): Promise<number | undefined> {
  if (content === undefined) return 0;
  if (typeof content === 'string') return (await nodeModule('node:fs/promises').stat(content)).size;
  if (content instanceof Blob) return content.size;
  return content instanceof Uint8Array ? content.length : undefined;
}

/** The content as a Blob, for a multipart body. */
export async function blobOf(content: Content): Promise<Blob> {
  return content instanceof Blob ? content : new Blob(partsOf(await bytesOf(content)));
}
