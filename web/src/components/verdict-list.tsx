import type { Verdict } from '../../../src/contract/serving.ts';

/** The verdict on whether the server of a profile loads a result, rule by rule. */
export function VerdictList({ verdict: { profile, loads, rules } }: { verdict: Verdict }) {
  const broken = rules.filter(({ passed }) => !passed).length;
  return (
    <details class={`verdict ${loads ? 'is-good' : 'is-bad'}`} open={!loads}>
      <summary>
        {loads ? `Loads in ${profile}` : `Does not load in ${profile}`}
        <span class="note">
          {loads ? `${rules.length} rules passed` : `${broken} of ${rules.length} rules broken`}
        </span>
      </summary>
      <ul>
        {rules.map(({ rule, passed, detail }) => (
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
