import { AppError } from '../../errors.ts';
import type { WeightsGate } from '../../service/adapter-service.ts';

/** A gate that says which file it refuses, for bodies with more than one of a kind. */
export function namedGate(name: string, gate: WeightsGate): WeightsGate {
  return {
    push: (chunk) => naming(name, () => gate.push(chunk)),
    finish: (totalBytes) => naming(name, () => gate.finish(totalBytes)),
  };
}

function naming<T>(name: string, look: () => T): T {
  try {
    return look();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError(
      error.code,
      `${name}: ${error.message}`,
      { ...error.context, file: name },
      { cause: error },
    );
  }
}
