import type { ScheduleModules, ScheduleRequest, Stage, StageMemory } from '../contract/schedule.ts';
import { scheduleInvalid } from './schedule-invalid.ts';

/** Bytes that each number of the factors and of their gradients takes. */
const DTYPE_BYTES = { float32: 4, float16: 2, bfloat16: 2 } as const;

/**
 * Bytes that the optimizer keeps for each parameter: two float32 moments; the same in 8 bits; one float32 moment;
 * none.
 */
const OPTIMIZER_BYTES = { adam: 8, adam_8bit: 2, sgd_momentum: 4, sgd: 0 } as const;

/** The size of the trained factors of all modules at one rank. */
type StageSize = Pick<Stage, 'parameters' | 'memory'>;

/**
 * Number of parameters in all LoRA factors at `rank`, the sum of count·rank·(out + in) over the modules, and the
 * bytes that they take together with gradients and optimizer. The base model and activations are not included.
 * @throws AppError SCHEDULE_INVALID if a JSON number cannot represent them
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
      `The modules take more than ${Number.MAX_SAFE_INTEGER} bytes at rank ${rank}, which a JSON number cannot represent exactly.`,
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
