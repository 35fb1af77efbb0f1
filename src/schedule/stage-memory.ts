import type { ScheduleModules, ScheduleRequest, Stage, StageMemory } from '../contract/schedule.ts';
import { scheduleInvalid } from './schedule-invalid.ts';

/** Bytes of a number of the factors and of its gradient. */
const DTYPE_BYTES = { float32: 4, float16: 2, bfloat16: 2 } as const;

/** Bytes the optimizer keeps for a parameter: two float32 moments; the same in 8 bits; one in float32; nothing. */
const OPTIMIZER_BYTES = { adam: 8, adam_8bit: 2, sgd_momentum: 4, sgd: 0 } as const;

/** What the trained factors of all modules are at one rank. */
type StageSize = Pick<Stage, 'parameters' | 'memory'>;

/**
 * Parameters of all LoRA factors at `rank`, count·rank·(out + in) over the modules, and the bytes they take with
 * gradients and optimizer. The base model and activations are not in it.
 * @throws AppError SCHEDULE_INVALID when a JSON number cannot hold them
 */
export function stageSize(
  rank: number,
  {
    modules,
    dtype = 'float32',
    optimizer = 'adam',
  }: Pick<ScheduleRequest, 'modules' | 'dtype' | 'optimizer'>,
): StageSize {
  if (!modules) return { parameters: null, memory: null };
  const parameters = rank * modules.reduce((total, module) => total + parametersPerRank(module), 0);
  const memory = memoryOf(parameters, DTYPE_BYTES[dtype], OPTIMIZER_BYTES[optimizer]);
  // Sums and products of positive numbers: once above the limit, rounding does not bring them below it again.
  if (memory.total_bytes > Number.MAX_SAFE_INTEGER) {
    throw scheduleInvalid(
      `The modules take more than ${Number.MAX_SAFE_INTEGER} bytes at rank ${rank}, which a JSON number cannot hold exactly.`,
      { rank, limit_bytes: Number.MAX_SAFE_INTEGER },
    );
  }
  return { parameters, memory };
}

const parametersPerRank = ({ out_features, in_features, count = 1 }: ScheduleModules): number =>
  count * (out_features + in_features);

function memoryOf(parameters: number, numberBytes: number, optimizerBytes: number): StageMemory {
  const weights = parameters * numberBytes;
  const optimizer = parameters * optimizerBytes;
  return {
    weights_bytes: weights,
    gradients_bytes: weights,
    optimizer_bytes: optimizer,
    total_bytes: weights + weights + optimizer,
  };
}
