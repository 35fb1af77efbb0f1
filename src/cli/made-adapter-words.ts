import type { MadeAdapter } from './make-adapter.ts';
import { extent, megabytes, percent, range, seconds, threadsOf } from './words.ts';

/** What became of an adapter, for people: a few lines. @param from what it was made of */
export function madeAdapterWords(from: string, { out, result, report }: MadeAdapter): string {
  const { worst_module: worst, module_relative_error: mean, serving, training } = result;
  const { provider, method, timings, sources, modules } = report;
  const ranks = range(extent(modules.map(({ rank }) => rank)));
  const sizes = sources.map(({ bytes }) => megabytes(bytes)).join(' + ');
  const worstWords = worst ? `, worst ${worst.name} ${percent(worst.relative_error)}` : '';
  return [
    `${from} → ${out}`,
    `  rank ${ranks} → ${range(result.rank)}, ${sizes} → ${megabytes(result.bytes)}`,
    `  energy kept ${percent(result.energy_retained)}, relative error ${percent(result.relative_error)}${worstWords}`,
    ...(mean === undefined
      ? []
      : [`  mean module error ${percent(mean)}, energy kept on average ${percent(1 - mean ** 2)}`]),
    ...(serving ? [`  ${serving.profile}: ${serving.loads ? 'loads' : 'does not load'}`] : []),
    ...(serving?.rules ?? [])
      .filter(({ passed }) => !passed)
      .map(({ rule, detail }) => `    ${rule}: ${detail}`),
    ...(training
      ? [`  learning rate for training on: times ${training.learning_rate_factor.toPrecision(4)}`]
      : []),
    ...result.warnings.map((warning) => `  note: ${warning}`),
    `  ${method.used}, ${provider.name}, ${threadsOf(provider)}, ${seconds(timings.total)}`,
  ].join('\n');
}

/** The same for programs. */
export function madeAdapterJson({
  out,
  result,
  report,
  files,
}: MadeAdapter): Readonly<Record<string, unknown>> {
  const { job_id, sources, method, provider, timings, notes } = report;
  return { out, result, files, sources, method, provider, timings, job_id, notes };
}
