import { isPickleName } from '../../../adapter/file-names.ts';
import { pickleRefused } from '../../../adapter/pickle-refused.ts';
import { isPickleName } from '../../../adapter/weights-names.ts';
import type { Gate } from '../../../bytes/gate.ts';
import { AppError } from '../../../errors/app-error.ts';

/** A gate that says which file it refuses, for bodies with more than one of a kind. */
export function namedGate(name: string, gate: Gate): Gate {
  return {
    push: (chunk) => naming(name, () => gate.push(chunk)),
    finish: (totalBytes) => naming(name, () => gate.finish(totalBytes)),
  };
}

/** A gate that names the file it was sent as where that is a pickle, so that the command to convert it fits. */
export function pickleGate(sent: string, gate: Gate): Gate {
  if (!isPickleName(sent)) return gate;
  const naming = <T>(look: () => T): T => {
    try {
      return look();
    } catch (error) {
      throw error instanceof AppError && error.code === 'PICKLE_REFUSED' ? pickleRefused(sent) : error;
    }
  };
  return {
    push: (chunk) => naming(() => gate.push(chunk)),
    finish: (totalBytes) => naming(() => gate.finish(totalBytes)),
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
