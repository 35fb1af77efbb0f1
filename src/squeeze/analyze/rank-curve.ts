import type { RankPoint } from '../../contract/analysis.ts';
import { type AnalyzedModule, errorByModule, share } from './analyzed-module.ts';

/**
 * What every uniform rank from 1 to the largest of the modules costs and loses at least (Eckart & Young 1936).
 * Modules of a smaller rank keep theirs. Linear in the largest rank times the modules.
 */
export function rankCurve(modules: readonly AnalyzedModule[]): Required<RankPoint>[] {
  const largest = modules.reduce((rank, module) => Math.max(rank, module.rank), 0);
  const lost = new Float64Array(largest + 1);
  const worst = new Float64Array(largest + 1);
  // What going from rank k − 1 to rank k adds.
  const parameters = new Float64Array(largest + 1);
  const bytes = new Float64Array(largest + 1);
  let energy = 0;
  for (const module of modules) {
    energy += module.lost[0]!;
    for (let k = 1; k <= largest; k++) {
      // What its factors leave out of it is lost at any rank.
      const own = module.lost[Math.min(k, module.rank)]!;
      lost[k]! += own;
      worst[k] = Math.max(worst[k]!, share(own, module.lost[0]!));
      if (k > module.rank) continue;
      parameters[k]! += module.parameters;
      bytes[k]! += module.bytes;
    }
  }
  const curve: Required<RankPoint>[] = [];
  let [parametersSoFar, bytesSoFar] = [0, 0];
  for (let rank = 1; rank <= largest; rank++) {
    parametersSoFar += parameters[rank]!;
    bytesSoFar += bytes[rank]!;
    curve.push({
      rank,
      relative_error: share(lost[rank]!, energy),
      module_relative_error: errorByModule(modules, (index) => Math.min(rank, modules[index]!.rank)),
      worst_module_error: worst[rank]!,
      parameters: parametersSoFar,
      bytes: bytesSoFar,
    });
  }
  return curve;
}
