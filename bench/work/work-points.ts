import { type AdapterSpec, squareAdapter } from '../adapter/adapter-spec.ts';

/** One adapter and the squeeze that is measured. */
export interface WorkPoint {
  readonly spec: AdapterSpec;
  readonly targetRank: number;
}

/** Points that differ in one respect only. */
export interface WorkSeries {
  readonly name: 'rank' | 'modules' | 'bytes';
  readonly title: string;
  readonly points: readonly WorkPoint[];
}

const TARGET_RANK = 16;
/** Adapters of rank 16 and below are squeezed to half their rank. */
const targetFor = (rank: number) => Math.min(TARGET_RANK, rank / 2);
const point = (count: number, size: number, rank: number): WorkPoint => ({
  spec: squareAdapter(count, size, rank),
  targetRank: targetFor(rank),
});

/** A module of 4096 × 4096 at rank 64: 1.05 MB. */
const bytesPoint = (count: number) => point(count, 4096, 64);

const RANKS = [8, 16, 32, 64, 128, 256, 512];
const MODULES = [32, 224, 1000, 4000];
const HUGE_MODULES = 20_000;
const BYTES = [1, 8, 64, 256, 1024, 2048];
const HUGE_BYTES = 10_240;

/** @param size quick: a few points that take seconds; huge: also points that take minutes and 40 GB of disk */
export function workSeries(size: 'quick' | 'default' | 'huge'): readonly WorkSeries[] {
  const quick = size === 'quick';
  const huge = size === 'huge';
  const ranks = quick ? [8, 32] : RANKS;
  const modules = quick ? [32, 224] : huge ? [...MODULES, HUGE_MODULES] : MODULES;
  const bytes = quick ? [1, 8, 32] : huge ? [...BYTES, HUGE_BYTES] : BYTES;
  const rankModules = quick ? 2 : 32;
  return [
    {
      name: 'rank',
      title: `Rank grows: ${rankModules} modules of 4096 × 4096`,
      points: ranks.map((rank) => point(rankModules, 4096, rank)),
    },
    {
      name: 'modules',
      title: 'Modules grow: each 1024 × 1024 at rank 16',
      points: modules.map((count) => point(count, 1024, 16)),
    },
    {
      name: 'bytes',
      title: 'Bytes grow: modules of 4096 × 4096 at rank 64, 1 MB each',
      points: bytes.map(bytesPoint),
    },
  ];
}
