import { parseArgs } from 'node:util';

export const PARTS = ['peers', 'work', 'floor', 'concurrency'] as const;
export type Part = (typeof PARTS)[number];

export const USAGE = `Usage: npm run bench --silent -- [options]

Measures the built service (npm run build). Progress goes to standard error, Markdown to standard output.

  --parts LIST   which parts, separated by commas (default: all of them, 8 minutes on two cores)
                   peers        the same squeeze by LoRA-Squeeze and by what one does today in Python, where
                                /usr/bin/python3 has torch, numpy and safetensors
                   work         seconds and memory against rank, modules and bytes; draws a figure
                   floor        how near one job comes to the limits of the machine
                   concurrency  throughput of 1, 2 and 4 jobs at a time
  --rank K       target rank of the parts about Llama-2-7B's shape (default 16)
  --runs N       warm jobs a measurement, after a cold one (default 5 in peers, 3 elsewhere)
  --huge         work: also 10 GB and 20,000 modules (40 GB of free disk)
  --figure PATH  where to draw (default docs/figures/bench-work.svg; with --quick data/bench/bench-work.svg)
  --skip-peers   peers: LoRA-Squeeze alone
  --quick        small sizes and single runs: tries the benchmark itself, its numbers are worth nothing`;

/** The sources have rank 64. */
const MAX_RANK = 63;
const MAX_RUNS = 1000;

export interface BenchOptions {
  /** In the order of PARTS, without duplicates. */
  readonly parts: readonly Part[];
  readonly rank: number;
  /** undefined: each part uses its own default. */
  readonly runs: number | undefined;
  readonly huge: boolean;
  readonly figure: string | undefined;
  readonly skipPeers: boolean;
  readonly quick: boolean;
}

/**
 * @returns null when help was asked for
 * @throws Error naming the option that cannot be read
 */
export function parseOptions(words: readonly string[]): BenchOptions | null {
  const { values } = parseArgs({
    args: [...words],
    options: {
      parts: { type: 'string' },
      rank: { type: 'string' },
      runs: { type: 'string' },
      huge: { type: 'boolean', default: false },
      figure: { type: 'string' },
      'skip-peers': { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  return {
    parts: values.parts === undefined ? PARTS : readParts(values.parts),
    rank: values.rank === undefined ? 16 : whole('rank', values.rank, MAX_RANK),
    runs: values.runs === undefined ? undefined : whole('runs', values.runs, MAX_RUNS),
    huge: values.huge,
    figure: values.figure,
    skipPeers: values['skip-peers'],
    quick: values.quick,
  };
}

function readParts(list: string): Part[] {
  const asked = list.split(',').map((name) => name.trim());
  const unknown = asked.find((name) => !(PARTS as readonly string[]).includes(name));
  if (unknown !== undefined) throw new Error(`--parts: "${unknown}" is not one of ${PARTS.join(', ')}`);
  return PARTS.filter((part) => asked.includes(part));
}

function whole(name: string, text: string, most: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < 1 || value > most) {
    throw new Error(`--${name} must be a whole number from 1 to ${most}, not "${text}"`);
  }
  return value;
}
