/** Seconds of work by phase. */
export type PhaseSeconds = Record<'load' | 'gram' | 'core' | 'project' | 'write', number>;

export const noPhaseSeconds = (): PhaseSeconds => ({ load: 0, gram: 0, core: 0, project: 0, write: 0 });

/** Runs `work` and adds its seconds to a phase. */
export function timePhase<T>(phaseSeconds: PhaseSeconds, phase: keyof PhaseSeconds, work: () => T): T {
  const startedMs = performance.now();
  const stop = (): void => {
    phaseSeconds[phase] += (performance.now() - startedMs) / 1000;
  };
  const result = work();
  if (result instanceof Promise) return result.finally(stop) as T;
  stop();
  return result;
}
