import { createHash } from 'node:crypto';
import { type Html, html, trusted } from '../html.ts';
import type { ReportInput } from '../report-input.ts';
import { analysisSection } from './analysis.ts';
import { chartsSection } from './charts.ts';
import { heading, titleOf } from './heading.ts';
import { methodSection } from './method.ts';
import { modulesSection } from './modules.ts';
import { resultsSection } from './results.ts';
import { sourcesSection } from './sources.ts';
import { styleSheet } from './style.ts';
import { verdictsSection } from './verdicts.ts';
import { name } from './words.ts';

export interface Page {
  readonly text: string;
  /** Of the answer that carries it. */
  readonly policy: string;
}

/**
 * The report of a job as one HTML file: it asks for nothing else, runs no script, and names the digest of its style sheet
 * in its policy, so that nothing in it could.
 * @param isServed whether it is read where the service answers; a file has no links
 */
export function reportPage(input: ReportInput, isServed: boolean): Page {
  const charts = chartsSection(input);
  const style = styleSheet(charts.dark);
  const digest = createHash('sha256').update(style).digest('base64');
  const policy = `default-src 'none'; style-src 'sha256-${digest}'; img-src data:; base-uri 'none'; form-action 'none'`;
  const json = jsonPath(input, isServed);
  const { text } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${trusted(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>${titleOf(input)}</title>
<style>${trusted(style)}</style>
</head>
<body>${heading(input)}
<main>${resultsSection(input)}${sourcesSection(input)}${analysisSection(input)}${verdictsSection(input)}${charts.markup}${modulesSection(
    input,
    json,
  )}${methodSection(input)}
</main>
<footer><p>${json}</p></footer>
</body>
</html>
`;
  return { text, policy: `${policy}; frame-ancestors 'none'` };
}

/** Where all of it is. */
function jsonPath({ report }: ReportInput, isServed: boolean): Html {
  const path = `/v1/jobs/${report.job_id}/report`;
  const call = html`${name(`GET ${path}`)} has everything as JSON.`;
  return isServed ? html`${call} <a class="served" href="${path}?format=json">Open it</a>.` : call;
}
