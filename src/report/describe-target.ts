import { formatBytes, formatPercent } from '../charts/format.ts';
import { POLICIES, type Target } from '../contract/target.ts';
import { displayText } from './display-text.ts';

/** A target in words: its policy, or the profile or format of a target without one. */
export function describeTarget(target: Target): string {
  if ('rank' in target) return `rank ${target.rank}`;
  if ('energy' in target) return `energy ${formatPercent(target.energy)}`;
  if ('ratio' in target) return `σ above σ₁ / ${target.ratio}`;
  if ('cumulative' in target) return `Σσ ${formatPercent(target.cumulative)}`;
  if ('knee' in target) return 'knee';
  if ('tolerance' in target) return `error ≤ ${formatPercent(target.tolerance)}`;
  if ('budget_bytes' in target) return `${formatBytes(target.budget_bytes)} of factors`;
  if ('budget_parameters' in target) return `${target.budget_parameters.toLocaleString('en-US')} parameters`;
  if ('rank_pattern' in target) return `rank pattern of ${Object.keys(target.rank_pattern).length}`;
  return target.profile
    ? `largest rank of ${displayText(target.profile, 40)}`
    : `as ${displayText(String(target.format), 40)}`;
}

/** The options of a target besides its policy, such as "scale: keep"; empty if it has none. */
export const describeOtherOptions = (target: Target): string =>
  Object.entries(target)
    .filter(([name]) => !(POLICIES as readonly string[]).includes(name))
    .map(
      ([name, value]) =>
        `${name}: ${displayText(typeof value === 'string' ? value : JSON.stringify(value), 80)}`,
    )
    .join(', ');
