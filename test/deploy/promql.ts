import { parser } from '@prometheus-io/lezer-promql';
import { Metrics } from '../../src/metrics/metrics.ts';

/** A metric to which an expression refers. */
export interface Selector {
  readonly metric: string;
  /** Matchers inside the braces: the label and the text with which it is compared. */
  readonly matchers: readonly { readonly label: string; readonly value: string }[];
}

export interface ParsedExpression {
  readonly selectors: readonly Selector[];
  /** Labels in by(), without(), on(), ignoring(), group_left(), group_right(). */
  readonly groupedBy: readonly string[];
  /** Those of them in without(). */
  readonly without: readonly string[];
}

/**
 * Labels that Prometheus adds to every scraped series, `namespace` from our configuration, and "le" of
 * buckets.
 */
const SCRAPED_LABELS = ['job', 'instance', 'namespace'];
const BUCKET_SUFFIX = '_bucket';
const HISTOGRAM_SUFFIXES = [BUCKET_SUFFIX, '_sum', '_count'];

/**
 * Parses an expression with Prometheus' own grammar.
 * @throws Error naming the place of the mistake
 */
export function parsePromql(expression: string): ParsedExpression {
  const selectors: { metric: string; matchers: { label: string; value: string }[] }[] = [];
  const groupedBy: string[] = [];
  const without: string[] = [];
  const textOf = ({ from, to }: { from: number; to: number }): string => expression.slice(from, to);
  parser.parse(expression).iterate({
    enter(node) {
      if (node.type.isError) throw new Error(`PromQL breaks at ${node.from}: ${expression}`);
      const parent = node.node.parent?.name;
      if (node.name === 'VectorSelector') selectors.push({ metric: '', matchers: [] });
      if (node.name === 'Identifier' && parent === 'VectorSelector') selectors.at(-1)!.metric = textOf(node);
      if (node.name === 'LabelName' && parent === 'GroupingLabels') {
        groupedBy.push(textOf(node));
        if (node.node.parent!.parent!.getChild('Without')) without.push(textOf(node));
      }
      if (node.name === 'UnquotedLabelMatcher') {
        const [label, literal] = ['LabelName', 'StringLiteral'].map((part) => node.node.getChild(part));
        // An incomplete expression contains an error node, which is visited next.
        if (label && literal)
          selectors.at(-1)!.matchers.push({ label: textOf(label), value: JSON.parse(textOf(literal)) });
      }
    },
  });
  return { selectors, groupedBy, without };
}

/** The labels of every series that can be scraped from the service, by its name. */
export function scrapedSeries(): Map<string, readonly string[]> {
  const known = new Map<string, readonly string[]>([['up', SCRAPED_LABELS]]);
  for (const { name, type, labels } of new Metrics({ version: '1.2.3' }).families()) {
    const all = [...labels, ...SCRAPED_LABELS];
    if (type !== 'histogram') known.set(name, all);
    else
      for (const suffix of HISTOGRAM_SUFFIXES)
        known.set(name + suffix, suffix === BUCKET_SUFFIX ? [...all, 'le'] : all);
  }
  return known;
}

/** One sentence for each metric and label in an expression that `known` (name to labels) lacks. */
export function unknownIn(expression: string, known: ReadonlyMap<string, readonly string[]>): string[] {
  const { selectors, groupedBy } = parsePromql(expression);
  const problems = selectors.flatMap(({ metric, matchers }) => {
    const labels = known.get(metric);
    if (!labels) return [`no metric "${metric}" in ${expression}`];
    return matchers
      .filter(({ label }) => !labels.includes(label))
      .map(({ label }) => `${metric} has no label "${label}" in ${expression}`);
  });
  const within = new Set(selectors.flatMap(({ metric }) => known.get(metric) ?? []));
  for (const label of groupedBy)
    if (!within.has(label)) problems.push(`nothing has the label "${label}" in ${expression}`);
  return problems;
}
