import type { EventEmitter } from 'node:events';
import type { Worker } from 'bullmq';

/** The part of BullMQ 6.7's classes/child.ts and classes/child-pool.ts that is used here. */
interface Child extends EventEmitter {
  readonly exitCode: number | null;
  readonly signalCode: NodeJS.Signals | null;
  readonly pid: number | undefined;
  send(message: unknown): Promise<void>;
}
interface ChildPool {
  retain(processFile: string): Promise<Child>;
  /** Returns the process to the pool, for the next job. */
  release(child: Child): void;
  /** Also called after a process has ended. */
  remove(child: Child): void;
}

export interface FixedPool {
  /** The number of existing processes. */
  readonly processIds: () => number[];
  /** Starts processes before there are jobs for them. @throws Error if one cannot be started */
  readonly startAhead: (count: number, processFile: string) => Promise<void>;
}

/**
 * Fixes how a worker notices the end of its compute processes.
 *
 * A process that dies while it starts (for example because memory runs out) would never be noticed: BullMQ waits for
 * its `close` event, and removes all listeners at its `exit`, which comes before. The job would stay active
 * indefinitely, with its lock renewed. Also, sending to a process that just died fails without a listener, which ends
 * the worker; the `exit` event is sufficient.
 */
export function fixChildPool(worker: Worker): FixedPool {
  const { childPool: pool } = worker as unknown as { childPool: ChildPool };
  const [retain, remove] = [pool.retain.bind(pool), pool.remove.bind(pool)];
  const guarded = new Set<Child>();
  pool.remove = (child) => {
    remove(child);
    guarded.delete(child);
    if (child.exitCode !== null || child.signalCode !== null)
      child.emit('close', child.exitCode, child.signalCode);
  };
  pool.retain = async (processFile) => {
    const child = await retain(processFile);
    if (!guarded.has(child)) {
      guarded.add(child);
      const send = child.send.bind(child);
      child.send = (message) => send(message).catch(() => undefined);
    }
    return child;
  };
  return {
    processIds: () => [...guarded].flatMap(({ pid }) => pid ?? []),
    startAhead: async (count, processFile) => {
      const children = await Promise.all(Array.from({ length: count }, () => pool.retain(processFile)));
      for (const child of children) pool.release(child);
    },
  };
}
