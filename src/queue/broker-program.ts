import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { BrokerError } from './broker-error.ts';

/** Valkey first: it is the one Debian will keep, and measured the faster of the two. */
const SERVERS = ['valkey-server', 'redis-server'];

const MISSING =
  'Neither valkey-server nor redis-server is on PATH and REDIS_URL is not set: install one ' +
  '(Debian and Ubuntu: apt-get install redis-server) or set REDIS_URL to a server that runs.';

export interface Command {
  readonly program: string;
  readonly leadingArguments: readonly string[];
}

/**
 * The command that starts the server. Under setpriv (util-linux) the kernel ends the server when we die, however we
 * die; without it, the next start ends a leftover.
 * @throws BrokerError when no server is installed
 */
export async function brokerCommand(searchPath: string): Promise<Command> {
  const server = await firstOnPath(SERVERS, searchPath);
  if (!server) throw new BrokerError(MISSING);
  const setpriv = await firstOnPath(['setpriv'], searchPath);
  return setpriv
    ? { program: setpriv, leadingArguments: ['--pdeathsig', 'TERM', server] }
    : { program: server, leadingArguments: [] };
}

async function firstOnPath(names: readonly string[], searchPath: string): Promise<string | undefined> {
  const folders = searchPath.split(delimiter).filter((folder) => folder !== '');
  for (const name of names) {
    for (const folder of folders) {
      const path = join(folder, name);
      if (await isExecutable(path)) return path;
    }
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
