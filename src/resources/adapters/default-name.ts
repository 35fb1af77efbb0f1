import type { RecordedSource } from '../../contract/transfer.ts';

export const MAX_NAME_CHARACTERS = 200;

/** Names that a format prescribes; they do not distinguish adapters. */
const PRESCRIBED = /^(?:adapter_model|adapters?|lora|pytorch_lora_weights|model|blob)$/;

/** A valid name for an adapter: without control characters and not too long. undefined if nothing is left. */
function adapterName(text: string): string | undefined {
  const plain = text.replace(/\p{Cc}+/gu, ' ').trim();
  return [...plain].slice(0, MAX_NAME_CHARACTERS).join('') || undefined;
}

/** The name of an adapter by its weights file; undefined if the file has a prescribed name. */
export function nameOfFile(filename: string): string | undefined {
  const base = filename.slice(filename.search(/[^/\\]*$/)).replace(/\.(?:safetensors|gguf)$/i, '');
  return PRESCRIBED.test(base) ? undefined : adapterName(base);
}

/** The name of an adapter of which only the base model is known. */
export const nameOfBase = (baseModel: string | null): string =>
  adapterName(`${baseModel?.split('/').at(-1) ?? ''} adapter`)!;

/** The name of a fetched adapter: its repository, or the last parts of its path that are not prescribed. */
export function nameOfSource(source: RecordedSource): string | undefined {
  if (source.kind === 'hub') return adapterName([source.repo, source.subfolder].filter(Boolean).join('/'));
  if (source.kind === 's3' && source.weights !== undefined) {
    const named = nameOfFile(source.weights);
    if (named !== undefined) return named;
  }
  const parts = source.place.split(/[?#]/, 1)[0]!.split('/').filter(Boolean);
  const file = parts.at(-1) ?? '';
  return nameOfFile(file) ?? adapterName(parts.at(-2) ?? '');
}

/** The names of source adapters as they appear in the name of a result. */
export const nameOfSources = (names: readonly string[]): string =>
  names.length === 1 ? names[0]! : `${names[0]!}+${names.length - 1}`;

export const rankInName = ({ min, max }: { readonly min: number; readonly max: number }): string =>
  min === max ? `${min}` : `${min}-${max}`;
