import { type FileHandle, open } from 'node:fs/promises';
import type { TensorEntry } from '../adapter/adapter.ts';
import { CONFIG_FILE } from '../adapter/file-names.ts';
import { AppError } from '../errors/app-error.ts';
import { readGgufHeader } from '../gguf/gguf-validator.ts';
import { quote } from '../json/quote.ts';
import { readHeader } from '../safetensors/safetensors-validator.ts';
import { decodeSource } from './decode-source.ts';
import type { Format, ReadAdapter, ReadInput } from './format.ts';
import { FORMATS } from './formats.ts';
import { readPeftKey } from './peft/tensor-keys.ts';

/** The largest tensor that is read to understand a file. */
const MAX_SMALL_TENSOR_BYTES = 64 * 1024;

/** torchtune, modules/peft/lora.py, `LoRALinear`: its layers lora_a and lora_b have weights. */
const TORCHTUNE = /\.lora_[ab]\.weight$/;

/** An adapter's files on this machine. */
export interface AdapterFiles {
  /** Safetensors or GGUF, only read. */
  readonly weightsPath: string;
  /** adapter_config.json; null where the format has none. */
  readonly configBytes: Uint8Array | null;
}

/**
 * Reads an adapter from its files. Of the weights, only the header and a few small tensors are read.
 * @throws AppError for everything wrong with the files; errors of the file system as they are
 */
export async function readAdapter({ weightsPath, configBytes }: AdapterFiles): Promise<ReadAdapter> {
  const gguf = await readGgufHeader(weightsPath);
  const header = gguf ? null : await readHeader(weightsPath);
  const file = await open(weightsPath, 'r');
  try {
    return await readHeaders({ header, gguf, configBytes, readTensor: (entry) => readSmall(file, entry) });
  } finally {
    await file.close();
  }
}

/**
 * Reads an adapter whose headers are known.
 * @param input of the source's own file
 * @throws AppError for everything wrong with them
 */
export async function readHeaders(input: ReadInput): Promise<ReadAdapter> {
  const decoded = input.header && decodeSource(input.header);
  if (!decoded) return { ...(await recognise(input).read(input)), decoding: null };
  const { header, decoding, warnings } = decoded;
  const sources = new Map(input.header!.tensors.map((entry) => [entry.name, entry]));
  const readTensor: ReadInput['readTensor'] = ({ name }) => input.readTensor(sources.get(name)!);
  const seen = { ...input, header, readTensor };
  const { adapter, staging } = await recognise(seen).read(seen);
  return { adapter: { ...adapter, warnings: [...warnings, ...adapter.warnings] }, staging, decoding };
}

function recognise(input: Pick<ReadInput, 'header' | 'gguf' | 'configBytes'>): Format {
  const format = FORMATS.find(({ recognises }) => recognises(input));
  if (!format) throw unrecognised(input);
  return format;
}

async function readSmall(file: FileHandle, { name, beginByte, endByte }: TensorEntry): Promise<Uint8Array> {
  const length = endByte - beginByte;
  if (length > MAX_SMALL_TENSOR_BYTES) {
    throw new AppError(
      'LORA_RANK_DIMS',
      `Tensor ${quote(name)} has ${length} bytes, but a tensor with this name may have at most ${MAX_SMALL_TENSOR_BYTES}.`,
      { tensor: name },
    );
  }
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, beginByte + done);
    if (bytesRead === 0)
      throw new AppError('STORAGE_FAILED', `The weights end inside tensor ${quote(name)}.`);
    done += bytesRead;
  }
  return bytes;
}

/** Weights in no known format; if they have PEFT's names, the configuration is missing. */
function unrecognised({ header }: Pick<ReadInput, 'header'>): AppError {
  const tensors = header?.tensors ?? [];
  if (tensors.some(({ name }) => readPeftKey(name).role === 'factor')) {
    return new AppError(
      'FILE_MISSING',
      `The weights have PEFT's names (…lora_A.weight), so ${CONFIG_FILE} is required: it contains the scaling.`,
      { missing: [CONFIG_FILE] },
    );
  }
  const tuned = tensors.find(({ name }) => TORCHTUNE.test(name));
  if (tuned) {
    return new AppError(
      'NO_LORA_TENSORS',
      `Tensor ${quote(tuned.name)} is named as in torchtune's own files, which do not contain the scaling. Save the adapter with ` +
        "torchtune's FullModelHFCheckpointer, which writes PEFT's two files, and send those.",
      { tensors: tensors.length },
    );
  }
  const [first] = tensors;
  return new AppError(
    'NO_LORA_TENSORS',
    first
      ? `None of the ${tensors.length} tensors belongs to a LoRA adapter in a known format; the first is ${JSON.stringify(first.name.slice(0, 120))}.`
      : 'The weights have no tensors.',
    { tensors: tensors.length },
  );
}
