import { chooseWeights } from '../../../src/adapter/choose-weights.ts';
import { isPickleName } from '../../../src/adapter/weights-names.ts';
import { ProblemError } from '../api/problem.ts';
import type { AdapterFiles } from '../api/upload-adapter.ts';

/**
 * The adapter among files that were dropped or picked. A single pickle goes to the service all the same, so that it is
 * the service that says why it does not take it.
 * @throws ProblemError where nothing is an adapter, or nobody can tell which
 */
export function chooseFiles(files: readonly File[]): AdapterFiles {
  const named = (name: string) => files.find((file) => file.name === name) ?? null;
  const config = named('adapter_config.json');
  const others = files.filter((file) => file !== config);
  if (others.length === 1 && isPickleName(others[0]!.name)) return { weights: others[0]!, config };
  try {
    const chosen = chooseWeights(
      files.map(({ name }) => name),
      files.length === 1 ? 'The file' : 'The folder',
    );
    return { weights: named(chosen.weights)!, config: chosen.config === null ? null : config };
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    throw new ProblemError({
      title: 'No adapter was found',
      detail: message,
      code: code ?? 'FILE_MISSING',
      status: 0,
    });
  }
}
