// Collects the contents of /app in the image: the built service and the packages that it loads, for this platform.
// npm run build && npx tsx scripts/ship.ts FOLDER
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EXTERNAL } from '../vite.config.ts';
import { isNested, isShipped, loadedPackages } from './shipped-packages.ts';

const ROOT = join(import.meta.dirname, '..');
const [target] = process.argv.slice(2);
if (target === undefined) throw new Error('Say into which folder: npx tsx scripts/ship.ts FOLDER');

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
for (const file of ['package.json', 'openapi.yaml', 'LICENSE', 'CHANGELOG.md'])
  cpSync(join(ROOT, file), join(target, file));
cpSync(join(ROOT, 'dist'), join(target, 'dist'), {
  recursive: true,
  filter: (source) => !source.endsWith('.map'),
});
for (const folder of loadedPackages(ROOT, EXTERNAL)) {
  const from = join(ROOT, folder);
  mkdirSync(dirname(join(target, folder)), { recursive: true });
  cpSync(from, join(target, folder), {
    recursive: true,
    filter: (source) =>
      !isNested(from, source) && isShipped(source.slice(ROOT.length + 1), process.platform, process.arch),
  });
}
