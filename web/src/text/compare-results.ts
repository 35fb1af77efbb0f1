import { type ComparedModule, differences } from '../../../src/charts/difference-map.ts';
import { formatBytes, formatPercent, formatPoints, isRoundingError } from '../../../src/charts/format.ts';
import type { SucceededResult } from '../../../src/contract/job.ts';

type Sums = Pick<SucceededResult, 'relative_error' | 'module_relative_error' | 'bytes'>;

/** What the second of two values is above the first: "+1.2 points", "−3.4 points". */
export const signedPoints = (difference: number): string =>
  isRoundingError(difference) ? 'the same' : `${sign(difference)}${formatPoints(Math.abs(difference))}`;

/** The same for amounts, as a share of the first: "+12.0 %". */
export const signedShare = (first: number, second: number): string =>
  first === second ? 'the same' : `${sign(second - first)}${formatPercent(Math.abs(second / first - 1))}`;

const sign = (value: number): string => (value < 0 ? '−' : '+');

/** Which of two results is closer to its source, by how much, in which modules, and what that costs. */
export function compareResults(first: Sums, second: Sums, modules: readonly ComparedModule[]): string {
  return [...errorSentence(first, second), ...moduleSentences(modules), sizeSentence(first, second)].join(
    ' ',
  );
}

function errorSentence(first: Sums, second: Sums): string[] {
  const isMean = first.module_relative_error !== undefined && second.module_relative_error !== undefined;
  const of = (one: Sums) => (isMean ? one.module_relative_error! : one.relative_error);
  const what = isMean ? 'mean module error' : 'error of the whole adapter';
  const [one, other] = [of(first), of(second)];
  if (isRoundingError(one - other)) return [`Both have the same ${what}, ${formatPercent(one)}.`];
  const [closer, low, high] = one < other ? ['first', one, other] : ['second', other, one];
  const whole = first.relative_error - second.relative_error;
  const isDisputed = !isRoundingError(whole) && whole < 0 !== one < other;
  return [
    `The ${closer} is closer to its source: its ${what} is ${formatPercent(low)} instead of ` +
      `${formatPercent(high)}, ${formatPoints(high - low)} less.`,
    ...(isDisputed
      ? [
          `Over all modules together, where large updates count more, the ${whole < 0 ? 'first' : 'second'} is ` +
            `closer, by ${formatPoints(Math.abs(whole))}.`,
        ]
      : []),
  ];
}

function moduleSentences(modules: readonly ComparedModule[]): string[] {
  const values = differences(modules, 'error');
  const sentence = (name: string, better: typeof values): string[] => {
    const [most] = better.toSorted((a, b) => Math.abs(b.value) - Math.abs(a.value));
    if (!most) return [];
    const count = `${better.length.toLocaleString('en')} of ${modules.length.toLocaleString('en')} modules`;
    return [
      `The ${name} has the lower error in ${count}, by up to ${formatPoints(Math.abs(most.value))} in ${most.name}.`,
    ];
  };
  return [
    ...sentence(
      'first',
      values.filter(({ value }) => value < 0),
    ),
    ...sentence(
      'second',
      values.filter(({ value }) => value > 0),
    ),
  ];
}

function sizeSentence({ bytes: first }: Sums, { bytes: second }: Sums): string {
  if (formatBytes(first) === formatBytes(second))
    return `Both files have the same size, ${formatBytes(first)}.`;
  const [smaller, small, large] = first < second ? ['first', first, second] : ['second', second, first];
  return (
    `The file of the ${smaller} is ${formatPercent(1 - small / large)} smaller: ` +
    `${formatBytes(small)} instead of ${formatBytes(large)}.`
  );
}
