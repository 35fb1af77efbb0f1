import { type TSchema, Type } from 'typebox';
import { CONFIG_FILE, WEIGHTS_FILE } from '../../adapter/file-names.ts';
import { AppError } from '../../errors/app-error.ts';
import type { BodyParts } from '../../http/multipart/body-parts.ts';
import { BINARY } from '../../http/schemas.ts';
import { OPTIMIZER_FILE } from './checkpoint-upload.ts';

const STEP_FIELD = 'step';
const REWIND_FIELD = 'rewind';
const LOSS_FIELD = 'loss';

/** Three files, three fields and one more, so that a surplus part can be refused by its name. */
const MAX_PARTS = 7;

/** Training sends PEFT's files, and may add tensors of its own. */
export const CHECKPOINT_BODY: BodyParts = {
  files: [WEIGHTS_FILE, CONFIG_FILE],
  optionalFiles: [OPTIMIZER_FILE],
  droppedFiles: [],
  isAnyFormat: false,
  fields: [STEP_FIELD, REWIND_FIELD, LOSS_FIELD],
  maxParts: MAX_PARTS,
};

const peftFiles = {
  [WEIGHTS_FILE]: { ...BINARY, description: 'The weights: safetensors' } as TSchema,
  [CONFIG_FILE]: {
    ...BINARY,
    description: 'The configuration that PEFT writes next to the weights',
  } as TSchema,
};

export const checkpointParts = Type.Object(
  {
    ...peftFiles,
    [STEP_FIELD]: Type.Integer({ minimum: 0, maximum: 1e9, description: 'Optimizer steps done' }),
    [OPTIMIZER_FILE]: Type.Optional(
      Type.Unsafe<string>({
        ...BINARY,
        description:
          'The moments of the optimizer: safetensors, each tensor named after its factor, followed by a dot and ' +
          '`exp_avg`, `exp_avg_sq`, `max_exp_avg_sq` or `momentum_buffer`',
      }),
    ),
    [REWIND_FIELD]: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          'This checkpoint replaces all checkpoints of its step and later ones: send it when the training ' +
          'was resumed from an earlier state',
      }),
    ),
    [LOSS_FIELD]: Type.Optional(
      Type.Number({
        description:
          'The training loss at this step, as a decimal number. It is kept with the checkpoint for charts ' +
          'and affects no decision',
      }),
    ),
  },
  { additionalProperties: false },
);

/** The same as in the contract of a checkpoint. */
const MAX_STEP = 1e9;
const DIGITS = /^\d{1,10}$/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i;
const MAX_SHOWN = 60;

export interface CheckpointFields {
  readonly step: number;
  readonly rewind: boolean;
  readonly loss: number | null;
}

/** Reads the fields of a checkpoint's body. @throws AppError FILE_MISSING without step, VALIDATION_FAILED */
export function checkpointFields(fields: ReadonlyMap<string, Buffer>): CheckpointFields {
  const step = fields.get(STEP_FIELD)?.toString('utf8');
  if (step === undefined) {
    throw new AppError(
      'FILE_MISSING',
      `The upload lacks the part "${STEP_FIELD}", the number of optimizer steps done so far.`,
      { missing: [STEP_FIELD] },
    );
  }
  if (!DIGITS.test(step) || Number(step) > MAX_STEP) {
    throw invalid(STEP_FIELD, step, `an integer from 0 to ${MAX_STEP}`);
  }
  const rewind = fields.get(REWIND_FIELD)?.toString('utf8') ?? 'false';
  if (rewind !== 'true' && rewind !== 'false') throw invalid(REWIND_FIELD, rewind, 'true or false');
  return { step: Number(step), rewind: rewind === 'true', loss: lossOf(fields.get(LOSS_FIELD)) };
}

function lossOf(sent: Buffer | undefined): number | null {
  if (sent === undefined) return null;
  const text = sent.toString('utf8');
  const loss = NUMBER.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(loss)) throw invalid(LOSS_FIELD, text, 'a finite number');
  return loss;
}

function invalid(field: string, value: string, wanted: string): AppError {
  const detail = `${field} is ${JSON.stringify(value.slice(0, MAX_SHOWN))} but must be ${wanted}`;
  return new AppError('VALIDATION_FAILED', `${detail}.`, { errors: [{ pointer: `/${field}`, detail }] });
}
