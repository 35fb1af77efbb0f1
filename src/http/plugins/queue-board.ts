import { createHash, timingSafeEqual } from 'node:crypto';
import type { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { FastifyInstance } from 'fastify';

const PATH = '/admin/queues';

/**
 * The page brings all it needs but a font of Google's, which is not fetched. Its data is a block of type
 * application/json, no script; it sets styles from script.
 */
const BOARD_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

/** The queue as BullMQ has it. */
export type BoardQueue = ConstructorParameters<typeof BullMQAdapter>[0];

export interface QueueBoardOptions {
  /** What a reader has to show. */
  readonly key: string;
  readonly queue: BoardQueue;
}

/** bull-board at /admin/queues, to look at: nothing can be changed there. Its packages are loaded here and now. */
export async function queueBoard(app: FastifyInstance, { key, queue }: QueueBoardOptions): Promise<void> {
  const [{ createBullBoard }, { BullMQAdapter }, { FastifyAdapter }] = await Promise.all([
    import('@bull-board/api'),
    import('@bull-board/api/bullMQAdapter'),
    import('@bull-board/fastify'),
  ]);
  const serverAdapter = new FastifyAdapter().setBasePath(PATH);
  createBullBoard({
    queues: [
      new BullMQAdapter(queue, { readOnlyMode: true, description: 'Waiting, running and delayed jobs' }),
    ],
    serverAdapter,
    options: { uiConfig: { boardTitle: 'LoRA-Squeeze' } },
  });
  // Its own handler answers whatever was refused before it by 500. What a handler throws goes to the next, which is ours.
  serverAdapter.setErrorHandler((error) => {
    throw error;
  });

  app.addHook('onRoute', (route) => {
    // Not part of the contract.
    route.schema = { ...route.schema, hide: true };
    // A browser sends the password of HTTP Basic by itself, whichever page made it ask.
    route.config = { ...route.config, browserCredentials: true } as NonNullable<typeof route.config>;
  });
  app.addHook('onRequest', async (request, reply) => {
    if (!holdsKey(request.headers.authorization, key)) {
      return reply
        .code(401)
        .headers({
          'www-authenticate': 'Basic realm="queue board", charset="UTF-8"',
          'cache-control': 'no-store',
          'content-type': 'text/plain; charset=utf-8',
        })
        .send('The queue board needs its key (QUEUE_BOARD_KEY), as the password or as a Bearer token.\n');
    }
    // The package refuses changes too, but one of its many calls may forget to.
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return reply
        .code(405)
        .headers({ allow: 'GET, HEAD', 'content-type': 'text/plain; charset=utf-8' })
        .send('The queue board can only be read.\n');
    }
    reply.headers({ 'content-security-policy': BOARD_CSP, 'cache-control': 'no-store' });
  });
  await app.register(serverAdapter.registerPlugin(), { prefix: PATH });
}

/** @param header "Bearer" and the key, or "Basic" with the key as password and any name */
function holdsKey(header: string | undefined, key: string): boolean {
  const [, scheme = '', credentials = ''] = /^(basic|bearer) +(\S+) *$/i.exec(header ?? '') ?? [];
  const shown =
    scheme.toLowerCase() === 'basic'
      ? Buffer.from(credentials, 'base64')
          .toString('utf8')
          .replace(/^[^:]*:/, '')
      : credentials;
  return timingSafeEqual(digest(shown), digest(key));
}

/** Of one length whatever was sent, as the comparison needs. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
