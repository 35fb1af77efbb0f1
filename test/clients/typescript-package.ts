import { execFile } from 'node:child_process';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const runFile = promisify(execFile);
export const ROOT = join(import.meta.dirname, '../..');
export const PACKAGE = join(ROOT, 'clients/typescript');

/** Packs the TypeScript client and installs it into a new folder with the commands of its page. */
export async function installPackage(folder: string): Promise<void> {
  const page = readFileSync(join(ROOT, 'docs/clients.md'), 'utf8');
  const [, commands] = /^```sh\n(.*?)^```$/ms.exec(page)!;
  symlinkSync(ROOT, join(folder, 'lora-squeeze'));
  writeFileSync(
    join(folder, 'package.json'),
    '{"name": "uses-the-client", "private": true, "type": "module"}',
  );
  // The settings of this repository do not apply to users.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  const settings = { npm_config_audit: 'false', npm_config_fund: 'false', npm_config_offline: 'true' };
  await runFile('bash', ['-e', '-c', commands!], { cwd: folder, env: { ...env, ...settings } });
}
