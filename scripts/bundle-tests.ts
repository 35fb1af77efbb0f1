import { rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'vite';
import { BUNDLES, bundleOf, testPrograms } from '../test/bundles.ts';
import { EXTERNAL } from '../vite.config.ts';
import type { Unit } from './test-plan.ts';

const ROOT = join(import.meta.dirname, '..');
const SRC = join(ROOT, 'src');
const DIST = join(ROOT, 'dist');

/**
 * Packages that only tests use and that stay in node_modules, because they start programs or read files of their own.
 */
const TOOLS = [
  ...['vite', 'typescript', 'tsx', 'autocannon', '@jazzer.js/core'],
  ...['playwright-core', '@axe-core/playwright', 'node-llama-cpp'],
];

/** The module of a unit of several files; it only imports them. */
const SHARED_MODULE = 'shared:';

/**
 * The path that a source believes it has: fixtures are next to the tests, whatever the product starts or reads is
 * next to its built files.
 */
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
    const metaProperties = { url: pathToFileURL(place).href, filename: place, dirname: dirname(place) };
    return code.replaceAll(
      /import\.meta\.(url|filename|dirname)\b/g,
      (_, name: keyof typeof metaProperties) => JSON.stringify(metaProperties[name]),
    );
  },
};

const sharedModules = (units: readonly Unit[]): Plugin => ({
  name: 'shared-modules',
  resolveId: (id) => (id.startsWith(SHARED_MODULE) ? `\0${id}` : null),
  load(id) {
    const unit = units.find(({ name }) => id === `\0${SHARED_MODULE}${name}`);
    return unit ? unit.sources.map((source) => `import ${JSON.stringify(source)};`).join('\n') : null;
  },
});

/**
 * Bundles tests and what they share: loaded as bundles they start in a third of the time that tsx takes to compile every
 * source again in every test file and in every process that a test starts. Packages are bundled as in the product. Each
 * process would otherwise look for hundreds of their modules, and Fastify goes through all that are loaded whenever it
 * names a plugin: together a tenth of what the tests of `test/http/` took.
 * @returns the file to run of each unit
 */
export async function bundleTests(units: readonly Unit[]): Promise<string[]> {
  const files = units.map(({ sources }, index) =>
    sources.length === 1 ? bundleOf(sources[0]!) : join(BUNDLES, `shared-${index}.js`),
  );
  const inputs = [
    ...units.map(({ name, sources }, index) => [
      files[index]!,
      sources.length === 1 ? sources[0]! : `${SHARED_MODULE}${name}`,
    ]),
    ...testPrograms().map((source) => [bundleOf(source), source]),
  ] as const;
  rmSync(BUNDLES, { recursive: true, force: true });
  await build({
    configFile: false,
    root: ROOT,
    publicDir: false,
    logLevel: 'error',
    plugins: [keepPlaces, sharedModules(units)],
    ssr: { noExternal: true, external: [...EXTERNAL, ...TOOLS] },
    build: {
      ssr: true,
      outDir: BUNDLES,
      minify: false,
      sourcemap: true,
      target: 'node20',
      rollupOptions: {
        input: Object.fromEntries(
          inputs.map(([file, source]) => [relative(BUNDLES, file!).replace(/\.js$/, ''), source!]),
        ),
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
      },
    },
  });
  return files;
}
