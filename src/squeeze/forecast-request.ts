import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { TargetForecast } from '../contract/forecast.ts';
import type { WorkRequest } from '../contract/job-request.ts';
import type { ModuleSpectrum } from '../contract/report.ts';
import { AppError } from '../errors/app-error.ts';
import { readAdapter } from '../formats/read-adapter.ts';
import { failedForecast, forecastTargets, knownSpectra } from './forecast.ts';
import type { SourceFiles } from './job-context.ts';
import { openTerms, sumOfTerms } from './merge/merge.ts';
import { layOutStack } from './merge/stack-file.ts';
import { filesRead, isMade } from './open-adapter.ts';

/** A request that is only asked about, with the adapters it names. */
export interface ForecastRequest {
  readonly request: WorkRequest;
  /** By adapter id. */
  readonly sources: ReadonlyMap<string, SourceFiles>;
  /** Of reports of earlier jobs of the same adapter: the first that is complete counts. */
  readonly reported: AsyncIterable<readonly ModuleSpectrum[]>;
  /** Folder for files; made and removed by the caller. */
  readonly scratchDir: string;
}

/**
 * What `runRequest` would make for each target, from the headers of the weights alone.
 * @returns empty for a request that makes nothing; what is wrong with the adapters is the error of each target
 * @throws AppError for what may pass
 */
export async function forecastRequest(input: ForecastRequest): Promise<TargetForecast[]> {
  const { request } = input;
  if (request.kind === 'analyze') return [];
  try {
    return request.kind === 'merge' ? await ofMerge(input, request) : await ofSqueeze(input, request);
  } catch (error) {
    if (!(error instanceof AppError) || error.retryable) throw error;
    return request.targets.map((target) => failedForecast(target, error));
  }
}

async function ofSqueeze(
  { sources, reported }: ForecastRequest,
  request: Extract<WorkRequest, { kind: 'squeeze' | 'checkpoint' }>,
): Promise<TargetForecast[]> {
  const { weightsPath, configBytes, ...source } = sources.get(request.adapter_id)!;
  const { adapter, decoding, staging } = await readAdapter({ weightsPath, configBytes });
  const isConverted = isMade(decoding) || isMade(staging);
  let spectra: ReturnType<typeof knownSpectra> = null;
  for await (const modules of reported) {
    spectra = knownSpectra(adapter, isConverted, modules);
    if (spectra) break;
  }
  return forecastTargets({
    ...{ kind: request.kind, sources: [{ ...source, weight: 1 }], adapter, isConverted, spectra },
    sourceFiles: await filesRead(adapter, { weightsPath, configBytes }),
    targets: request.targets,
    options: request.options ?? {},
  });
}

/** The stack is planned as one that is written, and read from its header: the rest of the file is never filled. */
async function ofMerge(
  { sources, scratchDir }: ForecastRequest,
  request: Extract<WorkRequest, { kind: 'merge' }>,
): Promise<TargetForecast[]> {
  const parts = request.sources.map(({ adapter_id, weight }) => ({
    ...sources.get(adapter_id)!,
    weight: weight ?? 1,
  }));
  const { terms } = await openTerms(parts, async (source) => ({
    ...(await readAdapter(source)),
    weightsPath: source.weightsPath,
  }));
  const { configBytes, warnings, matchDtype, ...sum } = sumOfTerms(terms);
  const { layout } = layOutStack(sum);
  const weightsPath = join(scratchDir, 'stack.safetensors');
  const file = await open(weightsPath, 'wx');
  try {
    await file.truncate(layout.totalBytes);
    await file.write(layout.headerBytes, 0, layout.headerBytes.length, 0);
  } finally {
    await file.close();
  }
  const { adapter } = await readAdapter({ weightsPath, configBytes });
  return forecastTargets({
    ...{ kind: 'merge', adapter, isConverted: false, spectra: null, matchDtype, warnings },
    sources: parts.map(({ weightsPath: _path, configBytes: _bytes, ...told }) => told),
    sourceFiles: await filesRead(adapter, { weightsPath, configBytes }),
    targets: request.targets,
    options: request.options ?? {},
  });
}
