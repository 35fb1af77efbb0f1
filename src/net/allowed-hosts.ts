/** Hosts that the operator trusts; they may be private, and at any port unless one is given. */
export class AllowedHosts {
  private readonly entries = new Set<string>();

  /**
   * @param hosts `host` or `host:port`; IPv6 addresses in brackets
   * @throws TypeError naming an entry that is neither
   */
  constructor(hosts: readonly string[]) {
    for (const entry of hosts) {
      const { host, port } = parsed(entry);
      this.entries.add(keyOf(host, port));
    }
  }

  has(hostname: string, port: number): boolean {
    const host = bareHost(hostname);
    return this.entries.has(keyOf(host, port)) || this.entries.has(keyOf(host, undefined));
  }
}

/** A host name as it is compared: lower case, no brackets, no dot at the end. */
export const bareHost = (hostname: string): string =>
  hostname
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');

const keyOf = (host: string, port: number | undefined): string => `${host} ${port ?? '*'}`;

/** URL drops the port that its scheme has anyway; two schemes show which one was written. */
function parsed(entry: string): { host: string; port: number | undefined } {
  const [http, https] = ['http', 'https'].map((scheme) =>
    URL.canParse(`${scheme}://${entry}`) ? new URL(`${scheme}://${entry}`) : undefined,
  );
  if (!http || !https || http.username !== '' || `${http.pathname}${http.search}${http.hash}` !== '/') {
    throw new TypeError(`"${entry}" is no host and no host:port`);
  }
  const port = http.port || https.port;
  return { host: bareHost(http.hostname), port: port === '' ? undefined : Number(port) };
}
