import { createHook } from 'node:async_hooks';

/** The argument with which Node asks the system to connect a socket, which is filled in just before. */
interface Dial {
  readonly address?: string;
  readonly port?: number;
}

/** Every `address:port` that this process asked the system to connect to while `work` ran. */
export async function dialsDuring(work: () => Promise<unknown>): Promise<string[]> {
  const dials: Dial[] = [];
  const hook = createHook({
    init: (_id, type, _trigger, resource) => {
      if (type === 'TCPCONNECTWRAP') dials.push(resource);
    },
  });
  hook.enable();
  try {
    await work();
  } finally {
    hook.disable();
  }
  return dials.map(({ address, port }) => `${address}:${port}`);
}
