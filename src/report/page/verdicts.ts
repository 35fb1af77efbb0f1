import { resultsOf } from '../../charts/succeeded.ts';
import type { SucceededResult } from '../../contract/job.ts';
import type { Verdict } from '../../contract/serving.ts';
import { type Html, html } from '../html.ts';
import type { ReportInput } from '../report-input.ts';
import { targetInWords } from '../target-words.ts';
import { table } from './table.ts';
import { name, sentence } from './words.ts';

const COLUMNS = [{ title: 'Rule' }, { title: 'Passed' }, { title: 'What was found' }];

/** Whether each result loads where its profile says, rule by rule. Empty where no target has a profile. */
export function verdictsSection({ job }: ReportInput): Html {
  const judged = resultsOf(job).filter(
    (result): result is SucceededResult & { serving: Verdict } => result.serving !== null,
  );
  if (judged.length === 0) return html``;
  return html`
<section aria-labelledby="verdicts"><h2 id="verdicts">Does it load?</h2>
${judged.map(
  ({ target, serving }) => html`
<h3>${targetInWords(target)}: ${serving.loads ? 'loads in' : 'does not load in'} ${name(serving.profile)}</h3>
${table(`Rules of ${serving.profile}, ${targetInWords(target)}`, COLUMNS, serving.rules.map(row))}`,
)}
</section>`;
}

const row = ({ rule, passed, detail }: Verdict['rules'][number]): Html[] => [
  name(rule),
  passed ? html`<span class="good">yes</span>` : html`<span class="bad">no</span>`,
  sentence(detail),
];
