import type { TargetForecast } from '../contract/forecast.ts';
import type { WorkRequest } from '../contract/job-request.ts';
import type { ModuleSpectrum } from '../contract/report.ts';
import { AppError } from '../errors/app-error.ts';
import { formatOf } from '../formats/formats.ts';
import { planSum } from '../formats/merge/sum-adapter.ts';
import { readAdapter } from '../formats/read-adapter.ts';
import { layOut } from '../safetensors/layout.ts';
import { failedForecast, forecastTargets, knownSpectra } from './forecast.ts';
import type { SourceFiles } from './job-context.ts';
import { commonDtype, openTerms } from './merge/merge.ts';
import { computesFactors, filesRead } from './open-adapter.ts';

/** A request for a dry run, with the adapters that it names. */
export interface ForecastRequest {
  readonly request: WorkRequest;
  /** By adapter id. */
  readonly sources: ReadonlyMap<string, SourceFiles>;
  /** Spectra in reports of earlier jobs on the same adapter; the first complete one is used. */
  readonly reported: AsyncIterable<readonly ModuleSpectrum[]>;
}

/**
 * The forecast for each target that `runRequest` would create, from the headers of the weights alone.
 * @returns empty for a request that creates nothing; a fault of the adapters is the error of each target
 * @throws AppError for temporary errors
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
  const isConverted = computesFactors(decoding) || computesFactors(staging);
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

/** The sum is planned like an adapter that has been written. */
async function ofMerge(
  { sources }: ForecastRequest,
  request: Extract<WorkRequest, { kind: 'merge' }>,
): Promise<TargetForecast[]> {
  const parts = request.sources.map(({ adapter_id, weight }) => ({
    ...sources.get(adapter_id)!,
    weight: weight ?? 1,
  }));
  const { terms, warnings } = await openTerms(parts, async (source) => ({
    adapter: (await readAdapter(source)).adapter,
    weightsPath: source.weightsPath,
    residuals: new Map(),
  }));
  const sum = planSum(terms);
  const { adapter, tensors } = sum;
  return forecastTargets({
    ...{ kind: 'merge', adapter, isConverted: false, spectra: null, matchDtype: commonDtype(terms) },
    warnings: [...sum.warnings, ...warnings],
    sources: parts.map(({ weightsPath: _path, configBytes: _bytes, ...reported }) => reported),
    sourceFiles: [
      { name: formatOf(adapter.format).weightsName, bytes: layOut(tensors, new Map()).totalBytes },
    ],
    targets: request.targets,
    options: request.options ?? {},
  });
}
