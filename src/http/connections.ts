import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { BlockList, isIPv6, type Socket } from 'node:net';
import { AppError } from '../errors/app-error.ts';
import type { ConnectionState, CutReason } from '../metrics/connections.ts';
import { ClientPace } from './client-pace.ts';
import { sendRawProblem } from './raw-errors.ts';
import { HEADERS_TIMEOUT_MS, KEEP_ALIVE_TIMEOUT_MS } from './server-options.ts';

/** Connections that are reserved for probes, if these have no port of their own. */
export const RESERVED_CONNECTIONS = 16;
/** The most connections of a port that serves only probes and /metrics. */
export const PROBE_CONNECTIONS = 64;

export interface ConnectionOptions {
  /** Most connections at a time. Default: no limit. */
  readonly max?: number;
  /** How many of `max` are reserved for loopback addresses and `reservedNetworks`. Default 0. */
  readonly reserved?: number;
  /** In CIDR notation. */
  readonly reservedNetworks?: readonly string[];
  /** How long a client may keep its connection open after the last response. Default 2 s. */
  readonly lingerMs?: number;
  /** A client that takes less than 1 KiB of an answer in this time is cut off. Default 60 s. */
  readonly unreadMs?: number;
  /** The span over which a client's pace is measured. Default 5 s. */
  readonly slowMs?: number;
  /** How long a connection may be without a complete request head, both at first and between requests. */
  readonly silentMs?: number;
  readonly idleMs?: number;
  readonly onCut?: (reason: CutReason) => void;
}

/** `refused` connections are closing as well, but were never admitted. */
type State = ConnectionState | 'refused';

interface Connection {
  readonly socket: Socket;
  state: State;
  sinceMs: number;
  /** Requests without a complete response; several if the client pipelines. */
  requests: number;
  /** All requests whose head has arrived. */
  begun: number;
  linger: NodeJS.Timeout | undefined;
  readonly pace: ClientPace;
}

/**
 * Closing at once would reset the connection, and a client that is still sending would lose the response (RFC 9112
 * §9.6).
 */
const DEFAULT_LINGER_MS = 2_000;
/** The same as the default of nginx and others. */
const DEFAULT_UNREAD_MS = 60_000;
const DEFAULT_SLOW_MS = 5_000;
/**
 * Node's own timeouts fire earlier and send a response. This one ends the connections that they miss, such as those
 * that send line breaks but no request.
 */
const DEFAULT_SILENT_MS = HEADERS_TIMEOUT_MS + 5_000;
const DEFAULT_IDLE_MS = KEEP_ALIVE_TIMEOUT_MS + HEADERS_TIMEOUT_MS + 5_000;
const CHECK_INTERVAL_MS = 1_000;
/** The most refused clients that get time to read the reason. They do not count as connections, so they must be few. */
const MAX_REFUSED = 32;
const RETRY_AFTER_SECONDS = 2;

/**
 * Every connection of a server and its state, so that each of them ends in bounded time: silent ones, answered ones
 * that stay open, and ones that do not read. At most `max` are kept. At the limit, a new connection replaces the
 * oldest silent one, or else one that is closing, idle or very slow. Other requests in flight are never ended for a
 * new connection; if there are only such, the new connection is refused.
 */
export class Connections {
  private readonly options: ConnectionOptions;
  private readonly reservedFor = new BlockList();
  private readonly known = new Map<Socket, Connection>();
  /** Each set is in the order in which its connections entered the state, so the first has been in it longest. */
  private readonly byState: Readonly<Record<State, Set<Connection>>> = {
    silent: new Set(),
    idle: new Set(),
    serving: new Set(),
    closing: new Set(),
    refused: new Set(),
  };
  /** Connections with a request and a slow client, as of the last check; the slowest is the last one. */
  private slow: Connection[] = [];

  constructor(options: ConnectionOptions = {}) {
    this.options = options;
    this.reservedFor.addSubnet('127.0.0.0', 8);
    this.reservedFor.addAddress('::1', 'ipv6');
    for (const network of options.reservedNetworks ?? []) {
      const [address = '', prefix] = network.split('/');
      this.reservedFor.addSubnet(address, Number(prefix), isIPv6(address) ? 'ipv6' : 'ipv4');
    }
  }

  /** The number of connections in each state. */
  counts(): Record<ConnectionState, number> {
    const { silent, idle, serving, closing } = this.byState;
    return { silent: silent.size, idle: idle.size, serving: serving.size, closing: closing.size };
  }

  get max(): number {
    return this.options.max ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Watches the connections of a server, starting with its first one. Node's own listeners must have been added
   * before.
   */
  attach(server: Server): void {
    server.on('connection', (socket: Socket) => this.opened(socket));
    const began = (request: IncomingMessage, response: ServerResponse) => this.began(request, response);
    server.prependListener('request', began);
    server.prependListener('checkExpectation', began);
    server.on('listening', () => {
      // Timers run before reading: bytes that arrived while the process was blocked must be read before they are
      // judged late.
      const timer = setInterval(() => setImmediate(() => this.check()), CHECK_INTERVAL_MS).unref();
      server.once('close', () => clearInterval(timer));
    });
  }

  /** The server is closing. It still waits for requests, but not for connections without one. */
  drain(): void {
    const { silent, closing, refused } = this.byState;
    for (const { socket } of [...silent, ...closing, ...refused]) socket.destroy();
  }

  /** How many requests have begun on this connection: at least their heads have arrived. */
  requestsBegun(socket: Socket): number {
    return this.known.get(socket)?.begun ?? 0;
  }

  /** Sends a last response on a connection that is not in the middle of another one, and ends it. */
  sendFinalError(socket: Socket, error: AppError): void {
    sendRawProblem(socket, error);
    const connection = this.known.get(socket);
    if (connection) this.close(connection, 'closing');
    else socket.destroySoon();
  }

  private opened(socket: Socket): void {
    const nowMs = performance.now();
    const connection: Connection = {
      ...{ socket, state: 'silent', sinceMs: nowMs, requests: 0, begun: 0 },
      ...{ linger: undefined, pace: new ClientPace(socket) },
    };
    const isRefused = this.known.size - this.byState.refused.size >= this.roomFor(socket) && !this.evict();
    this.known.set(socket, connection);
    this.byState.silent.add(connection);
    socket.once('close', () => this.forget(connection));
    if (isRefused) this.refuse(connection);
  }

  private roomFor({ remoteAddress }: Socket): number {
    const { reserved = 0 } = this.options;
    if (reserved === 0 || remoteAddress === undefined) return this.max;
    const isReserved = this.reservedFor.check(remoteAddress, isIPv6(remoteAddress) ? 'ipv6' : 'ipv4');
    return isReserved ? this.max : this.max - reserved;
  }

  /** Ends a connection that can be spared. @returns whether there was one */
  private evict(): boolean {
    for (const state of ['silent', 'closing', 'idle'] as const) {
      const [oldest] = this.byState[state];
      if (oldest) return this.cut(oldest, `evicted_${state}`);
    }
    for (let found = this.slow.pop(); found; found = this.slow.pop())
      if (found.state === 'serving' && found.pace.isWaitedFor) return this.cut(found, 'evicted_slow');
    return false;
  }

  private refuse(connection: Connection): void {
    const [oldest] = this.byState.refused;
    if (oldest && this.byState.refused.size >= MAX_REFUSED) this.cut(oldest, 'closing');
    const full = new AppError(
      'TOO_MANY_CONNECTIONS',
      `All ${this.max} connections are in use; try again in ${RETRY_AFTER_SECONDS} s.`,
      { limit: this.max },
    );
    sendRawProblem(connection.socket, full, { 'retry-after': String(RETRY_AFTER_SECONDS) });
    this.close(connection, 'refused');
    this.options.onCut?.('refused');
  }

  private began(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.known.get(request.socket);
    if (!connection) return;
    connection.requests++;
    connection.begun++;
    if (connection.state === 'serving') connection.pace.next(request);
    else {
      clearTimeout(connection.linger);
      this.enter(connection, 'serving');
      connection.pace.begin(request, connection.sinceMs);
    }
    response.once('close', () => this.ended(connection, request));
  }

  private ended(connection: Connection, request: IncomingMessage): void {
    connection.requests--;
    const { socket, state } = connection;
    if (state !== 'serving' || connection.requests > 0 || socket.destroyed) return;
    if (request.complete) {
      this.enter(connection, 'idle');
      return;
    }
    // The response was complete before the request: for a while, the rest of the request is read and discarded.
    this.close(connection, 'closing');
    request.once('end', () => {
      if (connection.state !== 'closing' || socket.writableEnded) return;
      clearTimeout(connection.linger);
      this.enter(connection, 'idle');
    });
    request.resume();
  }

  private enter(connection: Connection, state: State): void {
    this.byState[connection.state].delete(connection);
    connection.state = state;
    connection.sinceMs = performance.now();
    if (this.known.has(connection.socket)) this.byState[state].add(connection);
  }

  private close(connection: Connection, state: 'closing' | 'refused'): void {
    clearTimeout(connection.linger);
    this.enter(connection, state);
    const { lingerMs = DEFAULT_LINGER_MS } = this.options;
    connection.linger = setTimeout(() => this.cut(connection, state), lingerMs).unref();
  }

  private forget(connection: Connection): void {
    this.known.delete(connection.socket);
    this.byState[connection.state].delete(connection);
    clearTimeout(connection.linger);
  }

  /** Closes a connection at once. Its descriptor is free immediately, even if the event arrives later. */
  private cut(connection: Connection, reason: CutReason): true {
    const { socket, state } = connection;
    socket.destroy();
    this.forget(connection);
    // Refused connections have already been counted.
    if (state !== 'refused') this.options.onCut?.(reason);
    return true;
  }

  private check(): void {
    const nowMs = performance.now();
    const { silentMs = DEFAULT_SILENT_MS, idleMs = DEFAULT_IDLE_MS } = this.options;
    const { unreadMs = DEFAULT_UNREAD_MS, slowMs = DEFAULT_SLOW_MS } = this.options;
    this.cutOlder('silent', nowMs - silentMs);
    this.cutOlder('idle', nowMs - idleMs);
    this.slow = [];
    for (const connection of this.byState.serving) {
      const { pace } = connection;
      if (pace.isUnread(nowMs, unreadMs)) this.cut(connection, 'unread');
      else if (pace.isSlow(nowMs, slowMs)) this.slow.push(connection);
    }
    this.slow.sort((one, two) => two.pace.recentBytes - one.pace.recentBytes);
  }

  private cutOlder(state: 'silent' | 'idle', limitMs: number): void {
    for (const connection of this.byState[state]) {
      if (connection.sinceMs > limitMs) return;
      this.cut(connection, state);
    }
  }
}
