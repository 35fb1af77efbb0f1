import type { FastifyReply } from 'fastify';

/**
 * Calls a function when a response has been sent or its client has disconnected: at once if that has already happened,
 * because 'close' is emitted only once, and a client may disconnect while a hook waits.
 */
export function onceClosed({ raw }: Pick<FastifyReply, 'raw'>, call: () => void): void {
  if (raw.closed) call();
  else raw.once('close', call);
}
