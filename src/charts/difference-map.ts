import type { EChartsOption } from 'echarts';
import type { ModuleResult } from '../contract/report.ts';
import { formatPercent, formatPoints, isRoundingError } from './format.ts';
import { type HeatMapInput, layerHeatMap, type ModuleShare } from './layer-heat-map.ts';

/** A module of two results, with its relative error and its rank in each of them. */
export interface ComparedModule {
  readonly name: string;
  readonly first: number;
  readonly second: number;
  readonly firstRank: number;
  readonly secondRank: number;
}

/** What the two results are called: "rank 4". */
export type LabelPair = readonly [first: string, second: string];

/** What is compared: the errors of the modules, or their ranks. */
export type Compared = 'error' | 'rank';

interface DifferenceMapInput
  extends Pick<HeatMapInput, 'palette' | 'title' | 'subtitle' | 'grid' | 'isWide' | 'maximum'> {
  readonly modules: readonly ComparedModule[];
  readonly labels: LabelPair;
  readonly of: Compared;
  /** The values to draw, if not those of the modules one by one. */
  readonly values?: readonly ModuleShare[];
}

/** Longer names of results would not fit beside the scale. */
const [MAX_LABEL, MAX_WIDE_LABEL] = [14, 40];

/** The modules that both results have, in the order of the first. */
export function comparedModules(
  first: readonly ModuleResult[],
  second: readonly ModuleResult[],
): ComparedModule[] {
  const others = new Map(second.map((module) => [module.name, module]));
  return first.flatMap(({ name, rank, relative_error: error }) => {
    const other = others.get(name);
    if (!other) return [];
    return { name, first: error, second: other.relative_error, firstRank: rank, secondRank: other.rank };
  });
}

/** Two targets may have the same policy and differ in other options. */
export const pairOf = (first: string, second: string): LabelPair =>
  first === second ? [`${first} (first)`, `${second} (second)`] : [first, second];

/** What a module has in the first result less what it has in the second, for every module. */
export const differences = (modules: readonly ComparedModule[], of: Compared): ModuleShare[] =>
  modules.map(({ name, first, second, firstRank, secondRank }) => {
    const value = of === 'error' ? first - second : firstRank - secondRank;
    return { name, value: isRoundingError(value) ? 0 : value };
  });

/** Both ends of the scale, without their signs. */
export const largestDifference = (values: readonly ModuleShare[]): number =>
  values.reduce((maximum, { value }) => Math.max(maximum, Math.abs(value)), 0);

/** A map of the layers that shows in which of two results each module has the lower error or rank, and by how much. */
export function differenceMap(input: DifferenceMapInput): EChartsOption {
  const { modules, labels, of, isWide, values = differences(modules, of), ...style } = input;
  const { maximum = largestDifference(values) } = input;
  const space = isWide ? ' ' : '\n';
  const end = (label: string): string => {
    const name = shortened(label, isWide ? MAX_WIDE_LABEL : MAX_LABEL);
    return [`lower ${of}`, `in ${name},`, 'by up to', amount(maximum, of)].join(space);
  };
  return layerHeatMap({
    ...style,
    ...(isWide && { isWide }),
    modules: values,
    maximum,
    what: '',
    inWords: (value) => describeDifference(value, labels, of),
    details: (index) => describeBoth(modules[index]!, labels),
    ends: [end(labels[0]), end(labels[1])],
    ...(of === 'rank' && { numbers: signed }),
  });
}

/** In which result a value is lower, and by how much. */
export function describeDifference(value: number, labels: LabelPair, of: Compared): string {
  if (value === 0) return `the same ${of} in both`;
  return `lower ${of} in ${labels[value < 0 ? 0 : 1]}, by ${amount(Math.abs(value), of)}`;
}

/** The map in sentences, for readers who do not see it. */
export function describeDifferences(
  modules: readonly ComparedModule[],
  labels: LabelPair,
  of: Compared,
): string {
  const values = differences(modules, of);
  const [inFirst, inSecond] = [-1, 1].map((sign) => values.filter(({ value }) => value * sign > 0).length);
  const largest = values.reduce<ModuleShare | undefined>(
    (before, one) => (before && Math.abs(before.value) >= Math.abs(one.value) ? before : one),
    undefined,
  );
  const counts = `Of ${modules.length.toLocaleString('en')} modules, ${inFirst!.toLocaleString('en')} have a lower ${of} in ${labels[0]} and ${inSecond!.toLocaleString('en')} in ${labels[1]}.`;
  if (!largest || largest.value === 0) return counts;
  return `${counts} The largest difference is ${amount(Math.abs(largest.value), of)}, in ${largest.name}.`;
}

const amount = (value: number, of: Compared): string =>
  of === 'error' ? formatPoints(value) : String(value);

const signed = (value: number): string => (value === 0 ? '' : `${value < 0 ? '−' : '+'}${Math.abs(value)}`);

const describeBoth = (module: ComparedModule, [first, second]: LabelPair): string[] => [
  `${first}: error ${formatPercent(module.first)} at rank ${module.firstRank}`,
  `${second}: error ${formatPercent(module.second)} at rank ${module.secondRank}`,
];

const shortened = (label: string, maximum: number): string =>
  label.length <= maximum ? label : `${label.slice(0, maximum - 1)}…`;
