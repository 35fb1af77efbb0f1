import { spawnSync } from 'node:child_process';

/** Where a process of the deployment runs. */
export interface Machine {
  /** The address on which it listens. */
  readonly address: string;
  /** The prefix of a command line that runs it there. */
  readonly command: readonly string[];
}

/** Machines that are connected to each other and to this one by a bridge only. */
export interface Network {
  /**
   * undefined: every machine is a network namespace of its own. Otherwise the reason why all of them are this
   * machine.
   */
  readonly notIsolated: string | undefined;
  /** The address of this process on the bridge. */
  readonly address: string;
  addMachine(): Machine;
  close(): void;
}

/** Networks of this process so far. */
let networks = 0;

/** Uses namespaces if permitted (root on Linux with iproute2), otherwise the loopback of this machine. */
export function openNetwork(): Network {
  // Other test processes may have theirs, and a namespace disappears a moment after it was deleted. Names of
  // interfaces have at most 15 characters.
  const id = `${(process.pid % 65_536).toString(16)}${++networks}`;
  const subnet = `10.${200 + networks}.${process.pid % 256}`;
  const bridge = `lsb${id}`;
  const reason = tryOut([
    `link add ${bridge} type bridge`,
    `addr add ${subnet}.1/24 dev ${bridge}`,
    `link set ${bridge} up`,
    `netns add lsn${id}`,
    `netns del lsn${id}`,
  ]);
  if (reason !== undefined) {
    spawnSync('ip', ['link', 'del', bridge]);
    const here: Machine = { address: '127.0.0.1', command: [] };
    return { notIsolated: reason, address: here.address, addMachine: () => here, close: () => undefined };
  }
  const namespaces: string[] = [];
  return {
    notIsolated: undefined,
    address: `${subnet}.1`,
    addMachine() {
      const number = namespaces.length + 2;
      const [namespace, outer, inner] = ['n', 'v', 'w'].map((kind) => `ls${kind}${id}-${number}`);
      const address = `${subnet}.${number}`;
      namespaces.push(namespace!);
      const failure = tryOut([
        `netns add ${namespace}`,
        `link add ${outer} type veth peer name ${inner}`,
        `link set ${outer} master ${bridge} up`,
        `link set ${inner} netns ${namespace}`,
        `-n ${namespace} addr add ${address}/24 dev ${inner}`,
        // Its loopback interface stays down, so that nothing uses it.
        `-n ${namespace} link set ${inner} up`,
      ]);
      if (failure) throw new Error(failure);
      return { address, command: ['ip', 'netns', 'exec', namespace!] };
    },
    close() {
      // Deleting a namespace also deletes its interface and the peer of that.
      for (const namespace of namespaces) spawnSync('ip', ['netns', 'del', namespace]);
      spawnSync('ip', ['link', 'del', bridge]);
    },
  };
}

/** The first failure of some ip commands, if any. */
function tryOut(commands: readonly string[]): string | undefined {
  for (const command of commands) {
    const { status, stderr, error } = spawnSync('ip', command.split(' '), { encoding: 'utf8' });
    if (status !== 0) return `ip ${command}: ${error?.message ?? stderr.trim()}`;
  }
  return undefined;
}
