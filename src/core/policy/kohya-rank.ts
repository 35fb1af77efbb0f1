/** An update whose σ₁ is at most this counts as zero in resize_lora.py (`MIN_SV`). */
const ZERO = 1e-6;

/**
 * The rank that a dynamic method of kohya-ss/sd-scripts gives a module. `index_sv_fro`, `index_sv_ratio` and
 * `index_sv_cumulative` of networks/resize_lora.py (commit 48d368fa) return what is already a number of directions, and
 * `rank_resize` adds one to it as if it were an index. An update of almost zero gets rank 1.
 *
 * The caller limits the result to min(m, n), as `rank_resize` does, and to the module's own rank, above which kohya's
 * directions are zeros.
 * @param wanted the rank by energy, ratio or cumulative, at least 1
 * @param largest σ₁ of B·A, without the scale
 */
export const kohyaRank = (wanted: number, largest: number): number => (largest <= ZERO ? 1 : wanted + 1);
