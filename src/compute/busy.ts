/** Seconds of work by phase. */
export type Busy = Record<'load' | 'gram' | 'core' | 'project' | 'write', number>;

export const idle = (): Busy => ({ load: 0, gram: 0, core: 0, project: 0, write: 0 });

/** Runs `work` and adds its seconds to a phase. */
export function clocked<T>(busy: Busy, phase: keyof Busy, work: () => T): T {
  const startedMs = performance.now();
  const stop = (): void => {
    busy[phase] += (performance.now() - startedMs) / 1000;
  };
  const result = work();
  if (result instanceof Promise) return result.finally(stop) as T;
  stop();
  return result;
}
