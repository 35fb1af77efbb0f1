import type { ProviderInfo } from '../contract/job.ts';
import { GraphBuilder } from '../core/onnx/graph-builder.ts';
import { AppError } from '../errors/app-error.ts';
import { float64Scalar, ORT_VERSION, type ProviderName, Session } from './ort.ts';

/** The result of the probe, to which the caller adds the number of threads. */
export type Provider = Omit<ProviderInfo, 'threads'>;

/**
 * Decides which execution provider to use, by running a small graph on it. ONNX Runtime has no fallback of its own in
 * Node, and a provider may be listed although its libraries cannot be loaded.
 * @throws AppError PROVIDER_UNAVAILABLE if `cuda` was requested but does not run
 */
export async function resolveProvider(requested: ProviderInfo['requested']): Promise<Provider> {
  const found = (name: ProviderName, reason: string | null): Provider => ({
    name,
    requested,
    onnxruntime: ORT_VERSION,
    fallback_reason: reason,
  });
  if (requested === 'cpu') return found('cpu', null);
  try {
    await probe('cuda');
    return found('cuda', null);
  } catch (error) {
    const reason = firstLine(error);
    if (requested === 'auto') return found('cpu', reason);
    throw new AppError('PROVIDER_UNAVAILABLE', `The CUDA execution provider cannot be loaded: ${reason}`, {
      provider: requested,
    });
  }
}

async function probe(name: ProviderName): Promise<void> {
  const graph = new GraphBuilder('probe');
  const x = graph.input('x', 'double', []);
  graph.output('y', graph.add(x, x), 'double', []);
  const session = await Session.create(graph.build(), name);
  const outputs = await session.run({ x: float64Scalar(21) });
  await session.release();
  if (outputs.double('y') !== 42)
    throw new Error(`${name} computes incorrectly: 21 + 21 = ${outputs.double('y')}`);
}

/** The runtime's messages contain source paths and several lines; the first sentence is enough. */
function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0]!.trim();
}
