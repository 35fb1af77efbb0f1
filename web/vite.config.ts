import preact from '@preact/preset-vite';
import { defineConfig } from 'vite';
import { compressed } from './compressed.ts';

/** Where `npm run dev:web` finds the service. */
const SERVICE = 'http://127.0.0.1:8080';

export default defineConfig({
  root: import.meta.dirname,
  // One bundle, no script or style in the page: the policy of the page forbids them.
  plugins: [preact({ prefreshEnabled: false }), compressed()],
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: ['chrome123', 'firefox121', 'safari17.5'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: { '/v1': SERVICE, '/docs': SERVICE, '/openapi.yaml': SERVICE, '/readyz': SERVICE } },
});
