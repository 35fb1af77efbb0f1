import { ConfigError } from '../errors/config-error.ts';

/** File descriptors for everything but traffic: the program, Redis, the storage, outbound connections, probes. */
const OTHER_DESCRIPTORS = 256;

/** One for the connection, and one for the file that its request reads or writes. */
const DESCRIPTORS_PER_CONNECTION = 2;

/** For more connections, several processes are better, unless the operator sets a larger number. */
const MAX_BY_DEFAULT = 10_000;

/** The smallest value that MAX_CONNECTIONS may have. */
const MIN_CONNECTIONS = 32;

/**
 * The most connections of the process, so that their requests never run out of file descriptors.
 * @param configured MAX_CONNECTIONS
 * @param descriptors how many the process may have open
 * @throws ConfigError if there are too few of them
 */
export function connectionCeiling(configured: number | undefined, descriptors = openFilesLimit()): number {
  const maximum = Math.floor((descriptors - OTHER_DESCRIPTORS) / DESCRIPTORS_PER_CONNECTION);
  const needed = (connections: number): number =>
    OTHER_DESCRIPTORS + DESCRIPTORS_PER_CONNECTION * connections;
  if (configured !== undefined && configured > maximum) {
    throw new ConfigError(
      `MAX_CONNECTIONS is ${configured}, which needs ${needed(configured)} file descriptors, but the process may open ` +
        `only ${descriptors}; raise that limit (ulimit -n), or set MAX_CONNECTIONS to at most ${Math.max(0, maximum)}.`,
    );
  }
  if (maximum < MIN_CONNECTIONS) {
    throw new ConfigError(
      `The process may open only ${descriptors} file descriptors, but it needs at least ${needed(MIN_CONNECTIONS)}; raise that limit (ulimit -n).`,
    );
  }
  return configured ?? Math.min(maximum, MAX_BY_DEFAULT);
}

/** The current limit: Node raises the soft limit to the hard one when it starts. */
function openFilesLimit(): number {
  // Otherwise the report would resolve the names of all peers. (Node's types lack this property.)
  const report = Object.assign(process.report, { excludeNetwork: true });
  const { userLimits } = report.getReport() as {
    userLimits?: { open_files?: { soft: number | 'unlimited' } };
  };
  const soft = userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : Number.POSITIVE_INFINITY;
}
