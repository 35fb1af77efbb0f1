import type { FormatName } from '../../adapter/format-name.ts';
import type { SucceededResult } from '../../contract/job.ts';
import type { ModuleResult } from '../../contract/report.ts';
import { PRODUCT } from '../../version.ts';
import type { Source } from '../job-context.ts';
import { rankRange } from '../rank-range.ts';
import { markdownCode, markdownText } from './escape.ts';
import { frontMatter } from './front-matter.ts';
import { hubId } from './hub-id.ts';
import { usage } from './usage.ts';

/** Most rows of the table of modules. */
export const MAX_ROWS = 300;

/** What a card tells of. */
export interface CardContent {
  readonly kind: 'squeeze' | 'checkpoint' | 'merge';
  readonly format: FormatName;
  readonly baseModel: string | null;
  readonly weightsName: string;
  readonly sources: readonly Source[];
  readonly result: Omit<SucceededResult, 'adapter_id'>;
  readonly modules: readonly ModuleResult[];
  /** Ranks of the source, by module. */
  readonly ranksBefore: readonly number[];
}

/**
 * The model card of a result (README.md): what it was made from and how close it is. The same result has the same card:
 * no times, no ids of jobs.
 */
export function modelCard(content: CardContent): string {
  const { kind, format, baseModel, weightsName, result } = content;
  const hubBase = hubId(baseModel);
  const { language, lines } = usage(format, hubBase, weightsName);
  const sections = [
    frontMatter(format, hubBase, kind === 'merge'),
    kind === 'merge' ? '# Merged and squeezed LoRA adapter' : '# Squeezed LoRA adapter',
    summary(content),
    '## Load it',
    [`${FENCE}${language}`, ...lines, FENCE].join('\n'),
    '## Made from',
    origin(content),
    '## How close it is',
    ERROR_NOTE,
    moduleTable(content),
    ...(result.warnings.length > 0
      ? ['## Warnings', result.warnings.map((warning) => `- ${markdownText(warning)}`).join('\n')]
      : []),
  ];
  return `${sections.join('\n\n')}\n`;
}

const FENCE = '```';
const ERROR_NOTE =
  'Relative error: ‖ΔW − ΔW′‖ / ‖ΔW‖ (Frobenius norm) of the written factors. Energy kept: 1 − error². Mean module ' +
  'error: the root mean square of the relative errors of the modules.';

function summary({ baseModel, result, ranksBefore }: CardContent): string {
  const { rank, bytes, relative_error, energy_retained, module_relative_error } = result;
  const base = baseModel === null ? 'not said by its files' : markdownCode(baseModel);
  return [
    `- Base model: ${base}`,
    `- Rank: ${rankRange(ranksBefore)} → ${rankRange([rank.min, rank.max])}`,
    `- Relative error: ${number(relative_error)}, energy kept: ${number(energy_retained)}, over all modules`,
    ...(module_relative_error === undefined ? [] : [`- Mean module error: ${number(module_relative_error)}`]),
    `- Weights: ${bytes} bytes`,
    `- Target: ${markdownCode(JSON.stringify(result.target))}`,
  ].join('\n');
}

function origin({ kind, sources }: CardContent): string {
  const by = `by ${PRODUCT.name} ${PRODUCT.version}`;
  const told = sources.map(({ sha256, base_model: base, weight }) => {
    const times = kind === 'merge' ? `${weight} × ` : '';
    const of = base === null ? '' : `, base model ${markdownCode(base)}`;
    return `- ${times}an adapter whose weights have the SHA-256 ${markdownCode(sha256)}${of}`;
  });
  const verb = kind === 'merge' ? 'Added up and squeezed' : 'Squeezed';
  return `${verb} ${by} from:\n\n${told.join('\n')}`;
}

function moduleTable({ modules, ranksBefore }: CardContent): string {
  const rows = modules
    .slice(0, MAX_ROWS)
    .map(
      ({ name, rank, relative_error: error, energy_retained: energy }, index) =>
        `| ${markdownCode(name)} | ${ranksBefore[index]} | ${rank} | ${number(error)} | ${number(energy)} |`,
    );
  const rest = modules.length - rows.length;
  return [
    '| module | rank before | rank | relative error | energy kept |',
    '|---|---:|---:|---:|---:|',
    ...rows,
    ...(rest > 0 ? ['', `And ${rest} more modules.`] : []),
  ].join('\n');
}

/** Four digits are enough to read; below the floor of the measurement they mean nothing. */
const number = (value: number): string => (value < 1e-7 ? '0' : `${Number(value.toPrecision(4))}`);
