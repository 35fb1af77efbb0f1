import { type SizedFile, sizeChart } from '../charts/size-chart.ts';
import { resultsOf } from '../charts/succeeded.ts';
import type { Figure } from './figure.ts';
import { bytesInWords } from './numbers.ts';
import { adapterOf, type ReportInput } from './report-input.ts';
import { targetInWords } from './target-words.ts';

/** More bars than this are a table. */
const MOST_SOURCES = 8;

/** Weights files before and after; of an analysis, the factors at what it recommends. */
export function sizeFigure(input: ReportInput): Figure {
  const files = [...sources(input), ...results(input), ...recommended(input)];
  return {
    title: 'Size of the weights',
    caption: `${files.map(({ label, bytes }) => `${label}: ${bytesInWords(bytes)}`).join('; ')}.`,
    width: 560,
    height: Math.max(180, 80 + 40 * files.length),
    option: (style) => sizeChart({ ...style, files }),
  };
}

function sources(input: ReportInput): SizedFile[] {
  const { sources: all } = input.report;
  return all.slice(0, MOST_SOURCES).map(({ id, bytes }, index) => {
    const parts = adapterOf(input, id)?.size;
    return { label: all.length === 1 ? 'source' : `source ${index + 1}`, bytes, ...(parts && { parts }) };
  });
}

const results = ({ job }: ReportInput): SizedFile[] =>
  resultsOf(job).map(({ target, bytes, size }) => ({
    label: targetInWords(target),
    bytes,
    ...(size && { parts: size }),
  }));

const recommended = ({ report: { analysis } }: ReportInput): SizedFile[] =>
  analysis
    ? [
        {
          label: `rank ${analysis.uniform.rank.max} for all`,
          bytes: analysis.uniform.bytes,
          parts: factors(analysis.uniform.bytes),
        },
        { label: 'rank by module', bytes: analysis.budget.bytes, parts: factors(analysis.budget.bytes) },
      ]
    : [];

const factors = (bytes: number) => [{ what: 'lora', bytes }];
