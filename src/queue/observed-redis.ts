import type { Cluster, Redis } from 'ioredis';
import type { ObserveBackend } from '../backend-calls.ts';

interface Command {
  readonly name: string;
  readonly promise: Promise<unknown>;
}

/** Whether Redis does not know a script yet. It is then sent in full, so this is not a failure. */
const isMissingScript = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith('NOSCRIPT');

/**
 * Observes the commands of a client: `script` (most of what BullMQ does) or `command`. Must not be used for clients
 * with blocking commands, which would seem slow while there is nothing to do.
 */
export function observeRedis(client: Redis | Cluster, observe: ObserveBackend | undefined): void {
  if (!observe) return;
  const watched = client as unknown as { sendCommand(command: Command, ...more: unknown[]): unknown };
  const send = watched.sendCommand.bind(client);
  /** A client sends pending commands again when it reconnects. */
  const known = new WeakSet<Command>();
  watched.sendCommand = (command, ...more) => {
    if (known.has(command)) return send(command, ...more);
    known.add(command);
    const operation = command.name.startsWith('eval') ? 'script' : 'command';
    const startMs = performance.now();
    const report = (failed: boolean): void =>
      observe({ backend: 'redis', operation, seconds: (performance.now() - startMs) / 1000, failed });
    command.promise.then(
      () => report(false),
      (error: unknown) => report(!isMissingScript(error)),
    );
    return send(command, ...more);
  };
  client.on('reconnecting', () => observe({ backend: 'redis', retries: 1 }));
}
