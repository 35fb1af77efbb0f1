// Bundles the tests and what they share, for ./run-tests.sh: loaded as bundles they start in a third of the time that
// tsx takes to compile every source anew in every test file and in every process that a test starts.
import { rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'vite';
import { BUNDLES, bundleOf, testSources } from '../test/bundles.ts';

const ROOT = join(import.meta.dirname, '..');
const SRC = join(ROOT, 'src');
const DIST = join(ROOT, 'dist');

/** Where a source says it is: fixtures lie beside the tests, what the product starts and reads beside its built files. */
function placeOf(source: string): string {
  const inSrc = relative(SRC, source);
  return inSrc.startsWith('..') ? source : join(DIST, inSrc.replace(/\.ts$/, '.js'));
}

const keepPlaces: Plugin = {
  name: 'keep-places',
  enforce: 'pre',
  transform(code, id) {
    if (!id.endsWith('.ts') || !code.includes('import.meta.')) return null;
    const place = placeOf(id);
    const said = { url: pathToFileURL(place).href, filename: place, dirname: dirname(place) };
    return code.replaceAll(/import\.meta\.(url|filename|dirname)\b/g, (_, name: keyof typeof said) =>
      JSON.stringify(said[name]),
    );
  },
};

rmSync(BUNDLES, { recursive: true, force: true });
await build({
  configFile: false,
  root: ROOT,
  publicDir: false,
  logLevel: 'error',
  plugins: [keepPlaces],
  // 370 modules of a few lines each.
  ssr: { noExternal: ['typebox'] },
  build: {
    ssr: true,
    outDir: BUNDLES,
    minify: false,
    sourcemap: true,
    target: 'node20',
    rollupOptions: {
      input: Object.fromEntries(
        testSources().map((source) => [relative(BUNDLES, bundleOf(source)).replace(/\.js$/, ''), source]),
      ),
      output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
    },
  },
});
