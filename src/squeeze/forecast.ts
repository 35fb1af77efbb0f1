import type { Adapter, LoraModule, ModulePlan } from '../adapter/adapter.ts';
import type { TargetForecast } from '../contract/forecast.ts';
import type { SqueezeOptions } from '../contract/job-request.ts';
import type { ModuleSpectrum } from '../contract/report.ts';
import type { Target } from '../contract/target.ts';
import { moduleRelativeError } from '../core/by-module.ts';
import { RESOLUTION } from '../core/spectrum.ts';
import type { Decomposition } from '../engine/kernel-types.ts';
import { type AppError, jobFailure } from '../errors/app-error.ts';
import type { AppliedTarget } from '../serving/apply-profile.ts';
import { expectedLoss } from './expected-loss.ts';
import type { SqueezeInput } from './job-context.ts';
import { isNotError, mapTargets } from './map-targets.ts';
import { chooseMethod } from './method.ts';
import { type PlannedJob, planTarget, planWarnings, resolveTarget } from './plan-target.ts';
import { needsSpectrum, selectRanks } from './select-ranks.ts';

const NO_SPECTRA =
  'The ranks of this target depend on the singular values of the modules, which are not known yet. A job of ' +
  'kind "analyze" for the adapter would compute them.';

/** The input of a dry run: everything that a squeeze reads, except the numbers of the weights. */
export interface ForecastInput
  extends Pick<SqueezeInput, 'kind' | 'sources' | 'matchDtype' | 'warnings'>,
    Pick<PlannedJob, 'adapter' | 'isConverted' | 'sourceFiles'> {
  readonly targets: readonly Target[];
  readonly options: SqueezeOptions;
  /** Complete spectra of the modules, in their order, by knownSpectra; null if they are not known. */
  readonly spectra: readonly KnownSpectrum[] | null;
}

/**
 * All singular values of a module's B·A, and the energy that its factors leave out; both without the module's scale.
 */
export type KnownSpectrum = Pick<Decomposition, 'sigma' | 'energy'> & { readonly residual: number };

/**
 * Forecasts what `squeeze` would make of an adapter, using the same plans. Ranks and sizes are exact if they do not
 * depend on singular values, or if these are known; errors are the least possible at the ranks.
 * @throws AppError for temporary errors; a fault of a target is part of its forecast
 */
export async function forecastTargets(input: ForecastInput): Promise<TargetForecast[]> {
  const { adapter, targets, spectra, matchDtype } = input;
  const settled = await mapTargets(targets, (target) => resolveTarget(adapter, target, matchDtype));
  const open = settled.filter(isNotError);
  const method = chooseMethod(
    adapter.modules,
    open.map(({ target }) => target),
    input.options,
    open.map(({ limits }) => limits),
  );
  const job: PlannedJob = { ...input, input, method };
  const forecasts = await mapTargets(settled, (applied, index) => {
    const warnings = input.warnings ?? [];
    if (!spectra && needsSpectrum(applied.target))
      return { ...UNKNOWN, target: targets[index]!, warnings: [...warnings, NO_SPECTRA] };
    const forecast = planned(job, index, applied, spectra);
    return { ...forecast, warnings: [...warnings, ...forecast.warnings] };
  });
  return forecasts.map((one, index) => (isNotError(one) ? one : failedForecast(targets[index]!, one)));
}

const UNKNOWN: Omit<TargetForecast, 'target'> = {
  ...{
    rank: null,
    parameters: null,
    bytes: null,
    relative_error: null,
    basis: null,
    warnings: [],
    error: null,
  },
};

/** The forecast for an adapter that has not been fetched yet. */
export const unknownForecast = (target: Target): TargetForecast => ({ ...UNKNOWN, target });

/** The forecast for a target that would fail. */
export const failedForecast = (target: Target, error: AppError): TargetForecast => ({
  ...UNKNOWN,
  target,
  error: jobFailure(error),
});

function planned(
  job: PlannedJob,
  index: number,
  applied: AppliedTarget,
  spectra: ForecastInput['spectra'],
): TargetForecast {
  const { adapter, sourceFiles } = job;
  const { modules } = adapter;
  const choice = selectRanks(applied.target, applied.limits, modules, spectra ?? []);
  const plan = planTarget(job, index, applied, choice, '');
  const ranks = plan.plans.map(({ rank }) => rank);
  const closeness = spectra && leastErrors(plan.plans, spectra);
  const ahead = closeness && expectedLoss(1 - closeness.byModule ** 2, modules, spectra);
  return {
    target: plan.requested,
    rank: { min: Math.min(...ranks), max: Math.max(...ranks) },
    parameters: plan.plans.reduce((sum, { module, rank }) => sum + rank * (module.m + module.n), 0),
    bytes: plan.output?.bytes ?? sourceFiles[0]!.bytes,
    relative_error: closeness?.whole ?? null,
    basis: spectra ? 'spectra' : 'shapes',
    warnings: [...planWarnings(plan, job), ...(ahead ? [ahead.warning] : [])],
    error: null,
  };
}

/** The losses of the best approximations of these ranks (Eckart & Young 1936): relative to ‖ΔW‖, and by module. */
function leastErrors(
  plans: readonly ModulePlan[],
  spectra: readonly KnownSpectrum[],
): { readonly whole: number; readonly byModule: number } {
  const energies = plans.map(({ module }, index) => module.scale ** 2 * spectra[index]!.energy);
  const losses = plans.map(({ module, rank }, index) => {
    const { sigma, residual } = spectra[index]!;
    let lost = residual;
    // Summed from the small end, so that small tails keep their digits.
    for (let i = sigma.length - 1; i >= rank; i--) lost += sigma[i]! ** 2;
    return module.scale ** 2 * lost;
  });
  const [lost, energy] = [losses, energies].map((values) => values.reduce((sum, value) => sum + value, 0));
  return {
    whole: energy! > 0 ? Math.sqrt(lost! / energy!) : 0,
    byModule: moduleRelativeError(energies, losses),
  };
}

/**
 * The complete spectra in a report on an adapter of the same content.
 * @param isConverted whether the factors are computed and may leave out a part of ΔW
 * @returns in the order of the modules; null if a sketch left some unknown, or if the report is about other modules
 */
export function knownSpectra(
  { modules }: Pick<Adapter, 'modules'>,
  isConverted: boolean,
  reported: readonly ModuleSpectrum[],
): KnownSpectrum[] | null {
  if (reported.length !== modules.length) return null;
  const known: KnownSpectrum[] = [];
  for (const [index, module] of modules.entries()) {
    const spectrum = spectrumOf(module, isConverted, reported[index]!);
    if (!spectrum) return null;
    known.push(spectrum);
  }
  return known;
}

function spectrumOf(
  { name, rank, scale }: LoraModule,
  isConverted: boolean,
  reported: ModuleSpectrum,
): KnownSpectrum | null {
  const { singular_values: values, energy } = reported;
  // With a scaling of zero, B·A has no effect.
  if (reported.name !== name || reported.rank !== rank || values.length < rank || scale === 0) return null;
  const sigma = Float64Array.from(values.slice(0, rank), (value) => value / Math.abs(scale));
  const held = sigma.reduce((sum, value) => sum + value ** 2, 0);
  const left = energy / scale ** 2 - held;
  // A smaller difference is rounding: most factors contain their whole update.
  const residual = isConverted && left > RESOLUTION * held ? left : 0;
  return { sigma, energy: held + residual, residual };
}
