import { useMemo } from 'preact/hooks';
import { formatRanks } from '../../../src/charts/format.ts';
import type { SizePoint } from '../../../src/charts/size-curve-chart.ts';
import { moduleRelativeError } from '../../../src/core/by-module.ts';
import { type AnalyzedAdapter, lostShare, type Preview } from '../preview/preview.ts';
import { rankRefusal } from '../preview/rank-choices.ts';
import { curveByModule, type RankStudio } from '../preview/rank-studio.ts';
import type { Choice } from '../state/use-choice.ts';
import type { CurveLine } from './size-curve.tsx';

/** Of a number of parameters that is computed from bytes. */
const ROUNDING = 1e-6;

/** The two lines of the curve with their handles, for the current choice. */
export function useCurveLines(choice: Choice, analyzed: AnalyzedAdapter) {
  const { form, profile, studio, pins, preview, onChange } = choice;
  const { bytesPerParameter } = analyzed;
  const uniformPoints = useMemo(
    () =>
      uniformCurve(studio).map(({ rank, parameters, error }): SizePoint => {
        const refusal = rankRefusal(profile, form.serverRank, rank);
        return {
          bytes: parameters * bytesPerParameter,
          error,
          words: `rank ${rank}`,
          ...(refusal !== null && { refusal }),
        };
      }),
    [studio, profile, form.serverRank],
  );
  const sizes = useMemo(() => curveByModule(studio, pins), [studio, pins]);
  const modulePoints = useMemo(
    () =>
      sizes.map(
        ({ parameters, error, rank }): SizePoint => ({
          bytes: parameters * bytesPerParameter,
          error,
          words: formatRanks(rank),
          ...(choice.refusal !== null && { refusal: choice.refusal }),
        }),
      ),
    [sizes, choice.refusal],
  );
  const isByModule = form.policy === 'modules';
  const now = preview && placeOf(preview, studio);
  // The handle of the other line shows the same size.
  const atRank = isByModule && now ? nearestBySize(uniformPoints, now.bytes) : form.rank - 1;
  const at = nearestBySize(modulePoints, isByModule && now ? now.bytes : uniformPoints[atRank]!.bytes);
  const rankWithin = (bytes: number): number => {
    const open = uniformPoints.flatMap(({ refusal }, index) => (refusal === undefined ? [index] : []));
    const found = open.findLast((index) => uniformPoints[index]!.bytes <= bytes);
    return (found ?? open[0] ?? 0) + 1;
  };
  const parametersWithin = (bytes: number): number => {
    const [least, most] = [sizes[0]!.parameters, sizes.at(-1)!.parameters];
    return Math.min(most, Math.max(least, Math.floor(bytes / bytesPerParameter + ROUNDING)));
  };
  const uniform: CurveLine = {
    points: uniformPoints,
    at: atRank,
    place: uniformPoints[atRank]!,
    onAt: (index) => onChange({ policy: 'rank', rank: index + 1 }),
    onWithin: (bytes) => onChange({ policy: 'rank', rank: rankWithin(bytes) }),
    isWithin: (bytes) => form.policy === 'rank' && form.rank === rankWithin(bytes),
  };
  const byModule: CurveLine = {
    points: modulePoints,
    at,
    place: isByModule && now ? now : modulePoints[at]!,
    onAt: (index) => onChange({ policy: 'modules', parameters: sizes[index]!.parameters }),
    onWithin: (bytes) => onChange({ policy: 'modules', parameters: parametersWithin(bytes) }),
    isWithin: (bytes) => isByModule && form.parameters === parametersWithin(bytes),
  };
  const chosen = isByModule ? ('byModule' as const) : form.policy === 'rank' ? ('uniform' as const) : null;
  return { uniform, byModule, chosen };
}

const placeOf = (preview: Preview, { criterion }: RankStudio): SizePoint => ({
  bytes: preview.bytes,
  error: criterion === 'energy' ? preview.relative_error : preview.module_relative_error,
  words: formatRanks(preview.rank),
});

function nearestBySize(points: readonly SizePoint[], bytes: number): number {
  let best = 0;
  for (const [index, point] of points.entries())
    if (Math.abs(point.bytes - bytes) < Math.abs(points[best]!.bytes - bytes)) best = index;
  return best;
}

/** The loss at every uniform rank, by the criterion. */
function uniformCurve({ analyzed, criterion }: RankStudio) {
  const { modules, analysis } = analyzed;
  const energies = modules.map(({ energy }) => energy);
  const total = energies.reduce((sum, energy) => sum + energy, 0);
  return analysis.curve.map(({ rank, parameters }) => {
    const lost = modules.map((module) => module.energy * lostShare(module, rank));
    const all = lost.reduce((sum, one) => sum + one, 0);
    const whole = total > 0 ? Math.sqrt(all / total) : 0;
    return {
      rank,
      parameters,
      error: criterion === 'energy' ? whole : moduleRelativeError(energies, lost),
    };
  });
}
