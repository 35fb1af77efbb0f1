import type { LoraModule, ScaleMode } from './adapter.ts';

/**
 * The scale s′ of a module after the squeeze to rank k: ΔW = s′·B′·A′, so the factors absorb s/s′. "sqrt" follows
 * α/√r (rsLoRA, arXiv 2312.03732): with α unchanged, the scale grows as the rank falls.
 */
export function remainingScale(
  mode: ScaleMode,
  { scale, rank }: Pick<LoraModule, 'scale' | 'rank'>,
  newRank: number,
): number {
  if (typeof mode === 'object') return mode.alpha / newRank;
  switch (mode) {
    case 'fold':
      return 1;
    case 'keep':
      return scale;
    case 'sqrt':
      return newRank === rank ? scale : scale * Math.sqrt(rank / newRank);
  }
}
