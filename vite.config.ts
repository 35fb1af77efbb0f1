import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vite';

const ROOT = import.meta.dirname;
const DIST = join(ROOT, 'dist');

/** What is started as a process or a thread, by its path in src/ and in dist/ (see src/places.ts). */
const PROGRAMS = [
  'main',
  'cli/main',
  'app/compute-process',
  'app/provider-probe-process',
  'compute/thread',
  'report/thread',
];

/** Packages that stay in node_modules: they are native, read files beside their own, or load each other by themselves. */
export const EXTERNAL: readonly string[] = [
  'onnxruntime-node',
  '@photostructure/sqlite',
  '@resvg/resvg-js',
  'dejavu-fonts-ttf',
  '@fastify/swagger-ui',
  'bullmq',
  'ioredis',
];

/**
 * Builds the service and the command as a few files: Node would otherwise look for 1,600 modules at every start, which
 * takes longer than everything else that happens until the service is ready.
 */
export default defineConfig({
  root: ROOT,
  publicDir: false,
  logLevel: 'warn',
  ssr: { noExternal: true, external: [...EXTERNAL] },
  plugins: [{ name: 'executable-command', writeBundle: () => chmodSync(join(DIST, 'cli/main.js'), 0o755) }],
  build: {
    ssr: true,
    outDir: DIST,
    // The page is built into it too.
    emptyOutDir: false,
    minify: false,
    sourcemap: true,
    target: 'node20',
    rollupOptions: {
      input: Object.fromEntries(PROGRAMS.map((name) => [name, join(ROOT, 'src', `${name}.ts`)])),
      output: {
        format: 'es',
        entryFileNames: '[name].js',
        // src/places.ts finds the programs from where it lies itself.
        chunkFileNames: ({ name }) => (name === 'places' ? '[name].js' : 'chunks/[name]-[hash].js'),
        codeSplitting: { groups: [{ name: 'places', test: /src\/places\.ts$/ }] },
      },
    },
  },
});
