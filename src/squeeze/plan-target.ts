import type { Adapter, ModulePlan, ScaleMode } from '../adapter/adapter.ts';
import type { FormatName } from '../adapter/format-name.ts';
import type { Verdict } from '../contract/serving.ts';
import type { Target } from '../contract/target.ts';
import { formatOf } from '../formats/formats.ts';
import { type AppliedTarget, applyProfile } from '../serving/apply-profile.ts';
import { judge } from '../serving/judge.ts';
import { PRODUCT } from '../version.ts';
import { rankWarnings } from './describe.ts';
import type { SqueezeInput } from './job-context.ts';
import type { Method } from './method.ts';
import { AdapterOutput, changesNothing, chooseScaleMode, planModules, splitExponent } from './output.ts';
import { hasNoPolicy, type RankChoice, refuseImpossible } from './select-ranks.ts';
import { adapterToWrite } from './size/written-adapter.ts';

/**
 * Rules that rewriting an adapter can satisfy without changing ranks and dtypes, because the scalings are folded into
 * B.
 */
const FIXED_BY_FOLDING = ['scale', 'no-patterns'];

/** What the plans of a job's targets share, without any number of the weights. */
export interface PlannedJob {
  readonly input: Pick<SqueezeInput, 'kind' | 'sources' | 'targets'>;
  readonly adapter: Adapter;
  /** Whether the numbers of the adapter were computed or decoded, rather than at most moved. */
  readonly isConverted: boolean;
  readonly method: Method;
  /** The files that were read, the weights first. */
  readonly sourceFiles: readonly { readonly name: string; readonly bytes: number }[];
}

/** The plan of one target, before anything is written. */
export interface TargetPlan {
  /** The target as it was requested, which is how it is shown. */
  readonly requested: Target;
  readonly applied: AppliedTarget;
  readonly plans: readonly ModulePlan[];
  readonly scale: ScaleMode;
  readonly format: FormatName;
  readonly baseModel: string | null;
  /** The files to write; null if the source already is the result. */
  readonly output: AdapterOutput | null;
  readonly verdictAsItIs: Verdict | null;
  /** The warnings about what is written, then those about the ranks. */
  readonly warnings: readonly string[];
}

/**
 * Completes a target by its profile and checks that it is possible: a target that is impossible whatever the spectra
 * are, or that cannot be written, fails before the work is done.
 * @param matchDtype see SqueezeInput
 * @throws AppError as applyProfile, refuseImpossible and the writer of the format
 */
export function resolveTarget(
  adapter: Adapter,
  requested: Target,
  matchDtype: SqueezeInput['matchDtype'],
): AppliedTarget {
  const one = matching(applyProfile(requested), matchDtype);
  refuseImpossible(one.target, one.limits, adapter.modules);
  refuseUnwritable(adapter, one.target);
  return one;
}

/** Replaces "match" by a dtype if it does not mean the dtype of the weights. */
function matching(applied: AppliedTarget, dtype: SqueezeInput['matchDtype']): AppliedTarget {
  const { target } = applied;
  const isOpen = target.dtype === undefined || target.dtype === 'match';
  return dtype && isOpen ? { ...applied, target: { ...target, dtype } } : applied;
}

/**
 * Plans the result with the ranks of the source, so that an adapter that cannot be written fails before the work is
 * done.
 */
function refuseUnwritable(adapter: Adapter, target: Target): void {
  const ranks = adapter.modules.map(({ rank }) => rank);
  const { adapter: written } = adapterToWrite(adapter, target);
  const plans = planModules(written, target, ranks);
  formatOf(written.format).plan(written, plans, {
    scale: chooseScaleMode(target, written.format, plans),
    provenance: new Map(),
  });
}

/**
 * Plans the files of one target at the chosen ranks.
 * @param index of the target in the job
 * @param applied the target, by resolveTarget
 * @param dir folder for the files; nothing is written yet
 * @throws AppError as Output
 */
export function planTarget(
  job: PlannedJob,
  index: number,
  applied: AppliedTarget,
  { ranks, warnings }: RankChoice,
  dir: string,
): TargetPlan {
  const { input, adapter, method, sourceFiles } = job;
  const { target } = applied;
  const requested = input.targets[index]!;
  const plans = planModules(adapter, target, ranks);
  const verdictAsItIs = verdictOnSource(applied, adapter, sourceFiles);
  const { adapter: written, warnings: writing } = adapterToWrite(adapter, target);
  // A merge always gives a new adapter, and so does another format.
  const isUnchanged =
    input.kind !== 'merge' &&
    !job.isConverted &&
    written === adapter &&
    changesNothing(plans) &&
    !needsFolding(target, verdictAsItIs) &&
    !(requested.scale === 'fold' && adapter.modules.some(({ scale }) => scale !== 1));
  const encoding = {
    scale: chooseScaleMode(target, written.format, plans),
    split: splitExponent(target),
    reviveSeed: target.revive ? method.seed : null,
  };
  return {
    requested,
    applied,
    plans,
    scale: encoding.scale,
    format: written.format,
    baseModel: written.baseModel,
    output: isUnchanged
      ? null
      : new AdapterOutput(
          written,
          planModules(written, target, ranks),
          encoding,
          provenance(input, target, method),
          dir,
        ),
    verdictAsItIs,
    warnings: [...writing, ...warnings, ...(formatOf(written.format).warnings?.(plans) ?? [])],
  };
}

/** Warnings about the adapter and its result that do not depend on the numbers. */
export const planWarnings = (
  { requested, plans, output, warnings }: TargetPlan,
  { adapter, sourceFiles }: Pick<PlannedJob, 'adapter' | 'sourceFiles'>,
): string[] => [
  ...adapter.warnings,
  ...warnings,
  // A request for a format alone does not ask for another rank.
  ...(hasNoPolicy(requested) && output ? [] : rankWarnings(plans, output === null)),
  ...(output ? sizeWarnings(output, sourceFiles[0]!.bytes) : []),
];

/** Warns if the tensors alone are larger than the whole source; headers may differ by their metadata. */
function sizeWarnings({ bytes, size }: AdapterOutput, sourceBytes: number): string[] {
  if (size.reduce((sum, part) => sum + part.bytes, 0) <= sourceBytes) return [];
  return [
    `The result is larger than its source: its weights take ${bytes} bytes, and those of the source take ${sourceBytes}.`,
  ];
}

/**
 * The metadata of a result about its creation. It contains no times and ids, so that the same request gives the same
 * bytes.
 */
function provenance(
  input: Pick<SqueezeInput, 'kind' | 'sources'>,
  target: Target,
  method: Method,
): Map<string, string> {
  const { oversampling, power_iterations, seed } = method;
  return new Map([
    ['lora_squeeze.version', PRODUCT.version],
    ...ofSources(input),
    ['lora_squeeze.method', method.used],
    ['lora_squeeze.target', JSON.stringify(target)],
    [
      'lora_squeeze.options',
      JSON.stringify({ method: method.requested, oversampling, power_iterations, seed }),
    ],
  ]);
}

function ofSources({ kind, sources }: Pick<SqueezeInput, 'kind' | 'sources'>): [string, string][] {
  if (kind !== 'merge') return sources.map(({ sha256 }) => ['lora_squeeze.source_sha256', sha256]);
  const sourceFields = sources.map(({ sha256, weight }) => ({ sha256, weight }));
  return [['lora_squeeze.sources', JSON.stringify(sourceFields)]];
}

/** Checks the source against the profile, for a target that it satisfies unchanged; null without a profile. */
function verdictOnSource(
  { profile, limits }: AppliedTarget,
  adapter: Adapter,
  files: readonly { readonly name: string; readonly bytes: number }[],
): Verdict | null {
  if (!profile) return null;
  return judge(profile, { adapter, files }, limits);
}

/** Whether the source has the required ranks, but not the scales that its server needs. */
const needsFolding = (target: Target, verdict: Verdict | null): boolean =>
  target.scale === 'fold' &&
  (verdict?.rules ?? []).some(({ rule, passed }) => !passed && FIXED_BY_FOLDING.includes(rule));
