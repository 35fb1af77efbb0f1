import type { Adapter, ModulePlan } from '../adapter/adapter.ts';
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
import { changesNothing, Output, planModules, scaleModeOf, splitOf } from './output.ts';
import { hasNoPolicy, type RankChoice, refuseVain } from './select-ranks.ts';
import { writtenAdapter } from './size/written-adapter.ts';

/** Rules that rewriting an adapter can satisfy although its ranks and dtypes stay: the scalings are folded into B. */
const CURED_BY_FOLDING = ['scale', 'no-patterns'];

/** What the plans of a job's targets share; no number of the weights is in it. */
export interface PlannedJob {
  readonly input: Pick<SqueezeInput, 'kind' | 'sources' | 'targets'>;
  readonly adapter: Adapter;
  /** The adapter's numbers are not those of the source's file: computed, or decoded. */
  readonly isConverted: boolean;
  readonly method: Method;
  /** The files that were read; the weights first. */
  readonly sourceFiles: readonly { readonly name: string; readonly bytes: number }[];
}

/** What is made for one target, before anything is. */
export interface TargetPlan {
  /** As it was requested, which is how it is shown. */
  readonly asked: Target;
  readonly applied: AppliedTarget;
  readonly plans: readonly ModulePlan[];
  readonly format: FormatName;
  readonly baseModel: string | null;
  /** The files to write; null if the source already is the result. */
  readonly output: Output | null;
  readonly verdictAsItIs: Verdict | null;
  /** Of what is written, then of the ranks. */
  readonly warnings: readonly string[];
}

/**
 * A target as its profile completes it, once it is known that it can be done: what no spectra could help, and what cannot be
 * written, fails before the work is done.
 * @param matchDtype see SqueezeInput
 * @throws AppError as applyProfile, refuseVain and the writer of the format
 */
export function settledTarget(
  adapter: Adapter,
  asked: Target,
  matchDtype: SqueezeInput['matchDtype'],
): AppliedTarget {
  const one = matching(applyProfile(asked), matchDtype);
  refuseVain(one.target, one.limits, adapter.modules);
  refuseUnwritable(adapter, one.target);
  return one;
}

/** With "match" spelled out, where it does not mean the dtype of the weights. */
function matching(applied: AppliedTarget, dtype: SqueezeInput['matchDtype']): AppliedTarget {
  const { target } = applied;
  const isOpen = target.dtype === undefined || target.dtype === 'match';
  return dtype && isOpen ? { ...applied, target: { ...target, dtype } } : applied;
}

/** Plans the result at the ranks there are, so that what cannot be written fails before the work is done. */
function refuseUnwritable(adapter: Adapter, target: Target): void {
  const ranks = adapter.modules.map(({ rank }) => rank);
  const { adapter: written } = writtenAdapter(adapter, target);
  formatOf(written.format).plan(written, planModules(written, target, ranks), {
    scale: scaleModeOf(target),
    provenance: new Map(),
  });
}

/**
 * Plans the files of one target at the ranks that were chosen.
 * @param index of the target in the job
 * @param applied the target as settledTarget gives it
 * @param dir folder of the files; nothing is written yet
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
  const asked = input.targets[index]!;
  const plans = planModules(adapter, target, ranks);
  const verdictAsItIs = verdictOnSource(applied, adapter, sourceFiles);
  const { adapter: written, warnings: writing } = writtenAdapter(adapter, target);
  // A merge is a new adapter in any case, and so is one in another format.
  const isUnchanged =
    input.kind !== 'merge' &&
    !job.isConverted &&
    written === adapter &&
    changesNothing(plans) &&
    !needsFolding(target, verdictAsItIs) &&
    !(asked.scale === 'fold' && adapter.modules.some(({ scale }) => scale !== 1));
  const encoding = {
    scale: scaleModeOf(target),
    split: splitOf(target),
    reviveSeed: target.revive ? method.seed : null,
  };
  return {
    asked,
    applied,
    plans,
    format: written.format,
    baseModel: written.baseModel,
    output: isUnchanged
      ? null
      : new Output(
          written,
          planModules(written, target, ranks),
          encoding,
          provenance(input, target, method),
          dir,
        ),
    verdictAsItIs,
    warnings: [...writing, ...warnings],
  };
}

/** What the user should know of the adapter and of what is made of it, whatever its numbers are. */
export const planWarnings = (
  { asked, plans, output, warnings }: TargetPlan,
  { adapter, sourceFiles }: Pick<PlannedJob, 'adapter' | 'sourceFiles'>,
): string[] => [
  ...adapter.warnings,
  ...warnings,
  // Who asks for a format alone asks for no other rank.
  ...(hasNoPolicy(asked) && output ? [] : rankWarnings(plans, output === null)),
  ...(output ? sizeWarnings(output, sourceFiles[0]!.bytes) : []),
];

/** Reported if the tensors alone are larger than the whole source: headers differ by their metadata. */
function sizeWarnings({ bytes, size }: Output, sourceBytes: number): string[] {
  if (size.reduce((sum, part) => sum + part.bytes, 0) <= sourceBytes) return [];
  return [
    `The result is larger than its source: its weights take ${bytes} bytes, those of the source ${sourceBytes}.`,
  ];
}

/** Metadata of a result about how it was made. Without times and ids, so that the same request gives the same bytes. */
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
  const told = sources.map(({ sha256, weight }) => ({ sha256, weight }));
  return [['lora_squeeze.sources', JSON.stringify(told)]];
}

/** Judges the source, for a target that it satisfies as it is; null without a profile. */
function verdictOnSource(
  { profile, limits }: AppliedTarget,
  adapter: Adapter,
  files: readonly { readonly name: string; readonly bytes: number }[],
): Verdict | null {
  if (!profile) return null;
  return judge(profile, { adapter, files }, limits);
}

/** Whether the source has the ranks but not the scales that its place of use needs. */
const needsFolding = (target: Target, verdict: Verdict | null): boolean =>
  target.scale === 'fold' &&
  (verdict?.rules ?? []).some(({ rule, passed }) => !passed && CURED_BY_FOLDING.includes(rule));
