import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const runFile = promisify(execFile);
export const ROOT = join(import.meta.dirname, '../..');
export const PACKAGE = join(ROOT, 'clients/typescript');

/** Makes the package of the TypeScript client and installs it, as its users do, into a new folder. */
export async function installPackage(folder: string): Promise<void> {
  await runFile('npm', ['run', 'build', '--silent'], { cwd: PACKAGE });
  const packed = join(folder, 'packed');
  mkdirSync(packed, { recursive: true });
  await runFile('npm', ['pack', '--silent', '--pack-destination', packed], { cwd: PACKAGE });
  const [tarball] = readdirSync(packed);
  writeFileSync(
    join(folder, 'package.json'),
    '{"name": "uses-the-client", "private": true, "type": "module"}',
  );
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--offline'];
  await runFile('npm', ['install', ...flags, join(packed, tarball!)], { cwd: folder });
}
