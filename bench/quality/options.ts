import { parseArgs } from 'node:util';
import type { Plan } from './results.ts';

export const USAGE = `Usage: npx tsx bench/quality/run.ts [options]

Trains small LoRA adapters directly at low ranks and by Post-, Cont- and In-Squeeze through the service, and compares
them. Needs /usr/bin/python3 with torch, safetensors and scikit-learn (Debian: python3-torch, python3-safetensors,
python3-sklearn and libopenblas0-pthread). Writes docs/quality.md between its marks, docs/figures/quality-accuracy.svg
and bench/quality/results/results.jsonl.

  --seeds N      seeds compared (default 8; at most 20)
  --workers N    trainings at a time, one thread each (default 2)
  --out DIR      where page, figure and results go instead
  --resume       keeps what results.jsonl has and trains what it lacks
  --render       no training: writes page and figure anew from results.jsonl
  --quick        one seed, few steps, into data/quality: tries the experiment itself, its numbers are worth nothing`;

const MAX_SEEDS = 20;
const MAX_WORKERS = 64;
/** Apart from the seeds compared. */
const SWEEP_SEEDS = [101, 102];

export interface QualityOptions {
  readonly plan: Plan;
  readonly workers: number;
  readonly render: boolean;
  readonly resume: boolean;
  readonly quick: boolean;
  /** undefined: docs/ and bench/quality/results/, or data/quality/ when quick. */
  readonly out: string | undefined;
}

const FULL: Omit<Plan, 'seeds'> = {
  ranks: [1, 2, 4, 8],
  source_rank: 32,
  variant_rank: 1,
  total_steps: 1600,
  cont_steps: 400,
  min_stage_steps: 200,
  batch: 64,
  pretrain_steps: 600,
  peaks: [0.00075, 0.0015, 0.003, 0.006, 0.012],
  sweep_seeds: SWEEP_SEEDS,
};

const QUICK: Omit<Plan, 'seeds'> = {
  ...FULL,
  ranks: [1],
  source_rank: 4,
  total_steps: 12,
  cont_steps: 4,
  min_stage_steps: 4,
  batch: 16,
  pretrain_steps: 60,
  test_images: 60,
  peaks: [0.006],
  sweep_seeds: SWEEP_SEEDS.slice(0, 1),
};

/**
 * @returns null when help was asked for
 * @throws Error naming the option that cannot be read
 */
export function parseOptions(words: readonly string[]): QualityOptions | null {
  const { values } = parseArgs({
    args: [...words],
    options: {
      seeds: { type: 'string' },
      workers: { type: 'string' },
      out: { type: 'string' },
      render: { type: 'boolean', default: false },
      resume: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  const count = whole('seeds', values.seeds ?? (values.quick ? '1' : '8'), MAX_SEEDS);
  const seeds = Array.from({ length: count }, (_, i) => i + 1);
  return {
    plan: { ...(values.quick ? QUICK : FULL), seeds },
    workers: whole('workers', values.workers ?? '2', MAX_WORKERS),
    render: values.render,
    resume: values.resume,
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
