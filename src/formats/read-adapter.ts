import type { Adapter } from '../adapter/adapter.ts';
import type { SafetensorsHeader } from '../safetensors/header.ts';
import { readHeader } from '../safetensors/read-header.ts';
import { readPeft } from './peft/read-peft.ts';

/**
 * Reads an adapter from its files; of the weights only the header.
 * @param weightsPath a safetensors file
 * @param configBytes its adapter_config.json
 * @throws AppError for everything wrong with the files; errors of the file system as they are
 */
export async function readAdapter(
  weightsPath: string,
  configBytes: Uint8Array,
): Promise<{ adapter: Adapter; header: SafetensorsHeader }> {
  const header = await readHeader(weightsPath);
  return { adapter: readPeft(header, configBytes), header };
}
