import type { ServingProfile, Verdict } from '../../../src/contract/serving.ts';
import { settingNeeded } from '../../../src/serving/rank-limits.ts';

interface VerdictListProps {
  readonly verdict: Verdict;
  /** Null until it is known. */
  readonly profile: ServingProfile | null;
  /** The largest rank of the result. */
  readonly rank: number;
}

/** The verdict on whether the server of a profile loads a result: broken rules, then those that passed. */
export function VerdictList({ verdict: { profile: name, loads, rules }, profile, rank }: VerdictListProps) {
  const broken = rules.filter(({ passed }) => !passed);
  const title = profile?.title ?? name;
  const condition = profile && settingNeeded(profile, rank);
  return (
    <details class={`verdict ${loads ? 'is-good' : 'is-bad'}`} open={!loads}>
      <summary>
        {loads ? `Loads in ${title}${condition ? ` ${condition}` : ''}` : `Does not load in ${title}`}
        <span class="note">
          {loads ? `${rules.length} rules passed` : `${broken.length} of ${rules.length} rules broken`}
        </span>
      </summary>
      <ul>
        {[...broken, ...rules.filter(({ passed }) => passed)].map(({ rule, passed, detail }) => (
          <li key={rule} class={passed ? 'passed' : 'broken'}>
            <strong>
              {passed ? 'passed' : 'broken'}: {rule}
            </strong>{' '}
            {detail}
          </li>
        ))}
      </ul>
    </details>
  );
}
