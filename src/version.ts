import { readFileSync } from 'node:fs';

/** Name and version of the product. package.json lies one level above both src/ and dist/. */
export const PRODUCT: { readonly name: string; readonly version: string } = readManifest();

function readManifest(): { name: string; version: string } {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  return { name: 'LoRA-Squeeze', version };
}
