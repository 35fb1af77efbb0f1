import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vite';

const TARGETS = join(import.meta.dirname, 'targets');

export const targetNames = (): string[] =>
  readdirSync(TARGETS)
    .map((name) => name.replace(/\.ts$/, ''))
    .sort();

/**
 * Bundles each fuzz target and the parts of src/ that it needs into one CommonJS file. Jazzer instruments
 * what `require` loads; it would not count ES modules, or files that tsx compiles while loading.
 */
export async function buildTargets(folder: string): Promise<void> {
  for (const name of targetNames()) {
    await build({
      configFile: false,
      logLevel: 'error',
      build: {
        ssr: join(TARGETS, `${name}.ts`),
        outDir: folder,
        emptyOutDir: false,
        minify: false,
        target: 'node20',
        rollupOptions: { output: { format: 'cjs', entryFileNames: `${name}.cjs` } },
      },
      ssr: { noExternal: true },
    });
  }
}
