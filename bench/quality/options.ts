import { parseArgs } from 'node:util';
import { METHODS, type Plan } from './results.ts';

export const USAGE = `Usage: npx tsx bench/quality/run.ts [options]

Trains small LoRA adapters directly at low ranks and by Post-, Cont- and In-Squeeze through the service, and compares
them: on real text, then on digits with shuffled pixels. Needs /usr/bin/python3 with torch, safetensors and scikit-learn
(Debian: python3-torch, python3-safetensors, python3-sklearn and libopenblas0-pthread). Writes docs/quality.md and
docs/quality-digits.md between their marks, figures beside them and bench/quality/results/<task>.jsonl.

  --task NAME    one task: polarity, digits, or another file of text/assets (proscons, products, trec where it is)
  --seeds N      seeds compared (default 8; at most 20)
  --workers N    trainings at a time, one thread each (default 2)
  --out DIR      where page, figures and results go instead
  --tune         chooses the settings of every method again; without it those in the results are kept
  --resume       keeps the scores of the results as well and trains what they lack
  --render       no training: writes page and figures again from the results
  --quick        one seed, few steps, into data/quality: tries the experiment itself, its numbers are worth nothing`;

const MAX_SEEDS = 20;
const MAX_WORKERS = 64;
/** Different from the seeds that are compared. */
const SWEEP_SEEDS = [101, 102];

export interface QualityOptions {
  /** One for each task. */
  readonly plans: readonly Plan[];
  readonly workers: number;
  readonly render: boolean;
  readonly resume: boolean;
  readonly tune: boolean;
  readonly quick: boolean;
  /** undefined: docs/ and bench/quality/results/, or data/quality/ when quick. */
  readonly out: string | undefined;
}

type Sizes = Omit<Plan, 'seeds' | 'task'>;

const TEXT: Sizes = {
  methods: METHODS,
  ranks: [1, 2, 4, 8],
  source_rank: 32,
  total_steps: 300,
  min_stage_steps: 20,
  peaks: [0.0005, 0.001, 0.002, 0.004],
  direct_factors: { 1: 8, 2: 4, 4: 4, 8: 2 },
  powers: [0, 1 / 3, 2 / 3, 1],
  sweep_seeds: SWEEP_SEEDS,
};

const DIGITS: Sizes = {
  methods: ['direct', 'post', 'cont', 'in', 'in_equal'],
  ranks: [1, 4],
  source_rank: 32,
  total_steps: 1600,
  min_stage_steps: 100,
  batch: 64,
  pretrain_steps: 600,
  peaks: [0.00075, 0.0015, 0.003, 0.006],
  direct_factors: { 1: 2, 2: 2, 4: 2, 8: 2 },
  powers: [],
  sweep_seeds: SWEEP_SEEDS,
};

const quickly = (sizes: Sizes): Sizes => ({
  ...sizes,
  ranks: [1],
  source_rank: 4,
  total_steps: 12,
  min_stage_steps: 2,
  peaks: sizes.peaks.slice(-1),
  powers: sizes.powers.slice(0, 1),
  sweep_seeds: SWEEP_SEEDS.slice(0, 1),
  ...(sizes.batch && { batch: 16, pretrain_steps: 60, test_images: 60 }),
});

/**
 * @returns null when help was asked for
 * @throws Error naming the option that cannot be read
 */
export function parseOptions(words: readonly string[]): QualityOptions | null {
  const { values } = parseArgs({
    args: [...words],
    options: {
      task: { type: 'string' },
      seeds: { type: 'string' },
      workers: { type: 'string' },
      out: { type: 'string' },
      render: { type: 'boolean', default: false },
      resume: { type: 'boolean', default: false },
      tune: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  const count = whole('seeds', values.seeds ?? (values.quick ? '1' : '8'), MAX_SEEDS);
  const seeds = Array.from({ length: count }, (_, i) => i + 1);
  const tasks = values.task === undefined ? ['polarity', 'digits'] : [values.task];
  return {
    plans: tasks.map((task) => {
      const sizes = task === 'digits' ? DIGITS : TEXT;
      return { task, ...(values.quick ? quickly(sizes) : sizes), seeds };
    }),
    workers: whole('workers', values.workers ?? '2', MAX_WORKERS),
    render: values.render,
    resume: values.resume,
    tune: values.tune,
    quick: values.quick,
    out: values.out,
  };
}

function whole(name: string, text: string, most: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < 1 || value > most) {
    throw new Error(`--${name} must be a whole number from 1 to ${most}, not "${text}"`);
  }
  return value;
}
