import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CARD_FILE } from '../../adapter/file-names.ts';
import type { FormatName } from '../../adapter/format-name.ts';
import { hashFile } from '../../bytes/hash-file.ts';
import { describeSqueeze, formatBytes, formatPercent } from '../../charts/format.ts';
import { byNumbers } from '../../charts/module-names.ts';
import type { SucceededResult } from '../../contract/job.ts';
import type { ModuleResult } from '../../contract/report.ts';
import { counted } from '../../errors/counted.ts';
import { PRODUCT } from '../../version.ts';
import type { OutputFile, ReportedSource } from '../job-context.ts';
import { rankRange } from '../rank-range.ts';
import { errorPicture } from './error-picture.ts';
import { markdownCode, markdownText, yamlString } from './escape.ts';
import { licenseLines } from './hub-licenses.ts';

/** The most rows of the table of modules. */
export const MAX_ROWS = 300;

const FENCE = '```';
const ERROR_NOTE =
  'Relative error: ‖ΔW − ΔW′‖ / ‖ΔW‖ (Frobenius norm) of the written factors. Energy kept: 1 − error². Mean module ' +
  'error: the root mean square of the relative errors of the modules.';

const LIBRARIES: Readonly<Partial<Record<FormatName, string>>> = {
  peft: 'peft',
  diffusers: 'diffusers',
  kohya: 'diffusers',
  mlx: 'mlx',
};

const BASE = '<base model>';

/** `owner/name`. If a card contained a path or a URL here, the Hub would refuse the whole card. */
const OWNED = /^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}$/;

/**
 * Models from before the Hub had owners, which are still available under one name. Other single names are a trainer's
 * name of a family ("sd_v1" of sd-scripts) or a folder.
 */
const WITHOUT_OWNER =
  /^(?:(?:distil)?gpt2|gpt2-(?:medium|large|xl)|openai-gpt|(?:distil)?bert-(?:base|large)-(?:un)?cased|bert-base-multilingual-(?:un)?cased|distilbert-base-multilingual-cased|(?:xlm-)?roberta-(?:base|large)|distilroberta-base|t5-(?:small|base|large|3b|11b)|albert-(?:base|large|xlarge|xxlarge)-v[12]|xlnet-(?:base|large)-cased)$/;

/** The content of a card. */
export interface CardContent {
  readonly kind: 'squeeze' | 'checkpoint' | 'merge';
  readonly format: FormatName;
  readonly baseModel: string | null;
  readonly weightsName: string;
  readonly sources: readonly ReportedSource[];
  readonly result: Omit<SucceededResult, 'adapter_id'>;
  readonly modules: readonly ModuleResult[];
  /** Ranks of the source, in the order of the modules. */
  readonly ranksBefore: readonly number[];
}

/** Adds the card to the other files of a result. @returns the files, the card last */
export async function withCard(
  files: readonly OutputFile[],
  content: Omit<CardContent, 'weightsName'>,
): Promise<OutputFile[]> {
  const [weights] = files;
  const path = join(dirname(weights!.path), CARD_FILE);
  await writeFile(path, modelCard({ ...content, weightsName: weights!.name }));
  return [...files, { name: CARD_FILE, path, ...(await hashFile(path)) }];
}

/**
 * The model card of a result (README.md): its sources, and how close it is to them. The same result has the same
 * card, because it contains no times and no ids of jobs.
 */
export function modelCard(content: CardContent): string {
  const { kind, format, baseModel, weightsName, result } = content;
  const hubBase = hubId(baseModel);
  const { language, lines } = usage(format, hubBase, weightsName);
  const sections = [
    frontMatter(content, hubBase),
    kind === 'merge' ? '# Merged and squeezed LoRA adapter' : '# Squeezed LoRA adapter',
    lead(content),
    summary(content),
    '## Load it',
    [`${FENCE}${language}`, ...lines, FENCE].join('\n'),
    '## Sources',
    origin(content),
    '## How close it is',
    ERROR_NOTE,
    ...figure(content),
    moduleTable(content),
    ...(result.warnings.length > 0
      ? ['## Warnings', result.warnings.map((warning) => `- ${markdownText(warning)}`).join('\n')]
      : []),
  ];
  return `${sections.join('\n\n')}\n`;
}

/**
 * The metadata of a card in the form of the Hugging Face Hub (https://huggingface.co/docs/hub/model-cards): YAML
 * between two lines of three hyphens.
 * @param hubBase id of the base model on the Hub
 */
function frontMatter({ format, kind, sources }: CardContent, hubBase: string | null): string {
  const library = LIBRARIES[format];
  const license = commonLicense(sources);
  return [
    '---',
    ...(hubBase === null ? [] : [`base_model: ${yamlString(hubBase)}`, 'base_model_relation: adapter']),
    ...(license === undefined ? [] : licenseLines(license)),
    ...(library ? [`library_name: ${library}`] : []),
    'tags:',
    ...['lora', 'lora-squeeze', ...(kind === 'merge' ? ['merge'] : [])].map((tag) => `- ${tag}`),
    '---',
  ].join('\n');
}

/** The license of all sources; undefined if it is unknown for any of them, or if they differ. */
function commonLicense([first, ...others]: readonly ReportedSource[]): string | undefined {
  return others.every(({ license }) => license === first?.license) ? first?.license : undefined;
}

/** The result in one sentence. */
const lead = ({ result, sources }: CardContent): string =>
  describeSqueeze({
    rank: result.rank,
    bytes: result.bytes,
    bytesBefore: sources.reduce((sum, { bytes }) => sum + bytes, 0),
    energy: result.energy_retained,
  });

function summary({ baseModel, result, ranksBefore }: CardContent): string {
  const { rank, bytes, relative_error, energy_retained, module_relative_error } = result;
  const base = baseModel === null ? 'not named in its files' : markdownCode(baseModel);
  return [
    `- Base model: ${base}`,
    `- Rank: ${rankRange(ranksBefore)} → ${rankRange([rank.min, rank.max])}`,
    `- Relative error: ${formatPercent(relative_error)}, energy kept: ${formatPercent(energy_retained)}, over all modules`,
    ...(module_relative_error === undefined
      ? []
      : [`- Mean module error: ${formatPercent(module_relative_error)}`]),
    `- Weights: ${formatBytes(bytes)} (${bytes} bytes)`,
    `- Target: ${markdownCode(JSON.stringify(result.target))}`,
  ].join('\n');
}

/**
 * How to load a result: a language, and a few lines of code. "." is the folder of the result.
 * @param hubBase id of the base model on the Hub
 * @param weightsName name of its weights file
 */
export function usage(
  format: FormatName,
  hubBase: string | null,
  weightsName: string,
): { readonly language: string; readonly lines: readonly string[] } {
  const python = (...lines: string[]) => ({ language: 'python', lines });
  // A JSON string is also valid in Python, and in a shell except for "$", "`" and "!".
  const base = yamlString(hubBase ?? BASE);
  const weights = yamlString(weightsName);
  switch (format) {
    case 'peft':
      return python(
        'import peft, transformers',
        `base = transformers.AutoModelForCausalLM.from_pretrained(${base})  # or the class it was trained with`,
        'model = peft.PeftModel.from_pretrained(base, ".")',
      );
    case 'mlx':
      return python('import mlx_lm', `model, tokenizer = mlx_lm.load(${base}, adapter_path=".")`);
    case 'gguf':
      return {
        language: 'sh',
        lines: ['# base.gguf is the base model', `llama-cli -m base.gguf --lora ${shell(weightsName)}`],
      };
    default:
      return python(
        'import diffusers',
        `pipeline = diffusers.DiffusionPipeline.from_pretrained(${base})`,
        `pipeline.load_lora_weights(".", weight_name=${weights})`,
      );
  }
}

const shell = (text: string): string => `'${text.replace(/\p{Cc}/gu, ' ').replaceAll("'", `'\\''`)}'`;

function origin({ kind, sources }: CardContent): string {
  const by = `by ${PRODUCT.name} ${PRODUCT.version}`;
  const sourceLines = sources.map(({ sha256, base_model: base, license, weight }) => {
    const times = kind === 'merge' ? `${weight} × ` : '';
    const of = base === null ? '' : `, base model ${markdownCode(base)}`;
    const under = license === undefined ? '' : `, license ${markdownCode(license)}`;
    return `- ${times}an adapter whose weights have the SHA-256 ${markdownCode(sha256)}${of}${under}`;
  });
  const verb = kind === 'merge' ? 'Added up and squeezed' : 'Squeezed';
  return `${verb} ${by} from:\n\n${sourceLines.join('\n')}`;
}

function figure({ modules }: CardContent): string[] {
  const drawn = errorPicture(modules);
  return drawn ? [markdownText(drawn.caption), [`${FENCE}text`, ...drawn.lines, FENCE].join('\n')] : [];
}

function moduleTable({ modules, ranksBefore }: CardContent): string {
  const rows = modules
    .map((module, index) => ({ ...module, before: ranksBefore[index] }))
    // In natural order: layer 2 before layer 10.
    .sort((x, y) => byNumbers(x.name, y.name))
    .slice(0, MAX_ROWS)
    .map(
      ({ name, before, rank, relative_error: error, energy_retained: energy }) =>
        `| ${markdownCode(name)} | ${before} | ${rank} | ${formatPercent(error)} | ${formatPercent(energy)} |`,
    );
  const rest = modules.length - rows.length;
  return [
    '| module | rank before | rank | relative error | energy kept |',
    '|---|---:|---:|---:|---:|',
    ...rows,
    ...(rest > 0 ? ['', `And ${counted(rest, 'more module')}.`] : []),
  ].join('\n');
}

/** The name that files give their base model, if it is a repository of the Hugging Face Hub; otherwise null. */
const hubId = (baseModel: string | null): string | null =>
  baseModel !== null && (OWNED.test(baseModel) || WITHOUT_OWNER.test(baseModel)) ? baseModel : null;
