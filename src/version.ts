import { readFileSync } from 'node:fs';
import { MANIFEST } from './places.ts';

/** Name and version of the product. */
export const PRODUCT: { readonly name: string; readonly version: string } = readManifest();

function readManifest(): { name: string; version: string } {
  const text = readFileSync(MANIFEST, 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  return { name: 'LoRA-Squeeze', version };
}
