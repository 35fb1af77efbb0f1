import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive, thisProcess } from '../storage/process-identity.ts';
import { BrokerError } from './broker-error.ts';

/** Takers of a stale claim may meet; each round one of them gets on. */
const ROUNDS = 5;

/**
 * Claims the folder for this process until `release`: a second server would take the socket of the first one.
 * @param isInUse asked when the owner cannot be seen from here, being of another container or machine
 * @throws BrokerError naming the process that has the folder
 */
export async function claimBroker(
  folder: string,
  isInUse: () => Promise<boolean>,
): Promise<{ release(): Promise<void> }> {
  const path = join(folder, 'owner');
  const own = await thisProcess();
  for (let round = 0; round < ROUNDS; round++) {
    if (await create(path, own)) return { release: () => removeIf(path, own) };
    const owner = await readOwner(path);
    if (owner === undefined) continue;
    if ((await isAlive(owner)) ?? (await isInUse())) {
      throw new BrokerError(
        `${folder} is in use by process ${owner.split('-')[1]}: stop that one, or give this one another DATA_DIR.`,
      );
    }
    await removeIf(path, owner);
  }
  throw new BrokerError(`${path} could not be claimed: other processes keep taking it.`);
}

/** Complete or not at all, so that nobody reads an empty claim. */
async function create(path: string, owner: string): Promise<boolean> {
  const draft = `${path}-${randomBytes(6).toString('hex')}`;
  await writeFile(draft, owner);
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Moves the claim away before looking at it: of several takers only one gets it, and a fresh claim is put back. */
async function removeIf(path: string, owner: string): Promise<void> {
  const aside = `${path}-${randomBytes(6).toString('hex')}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await readOwner(aside)) !== owner) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

async function readOwner(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
