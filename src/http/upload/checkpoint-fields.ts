import { AppError } from '../../errors.ts';
import { REWIND_FIELD, STEP_FIELD } from './body-parts.ts';

/** As in the contract of a checkpoint. */
const MAX_STEP = 1e9;
const DIGITS = /^\d{1,10}$/;
const MAX_SHOWN = 60;

export interface CheckpointFields {
  readonly step: number;
  readonly rewind: boolean;
}

/** The fields of a checkpoint's body. @throws AppError FILE_MISSING without step, VALIDATION_FAILED */
export function checkpointFields(fields: ReadonlyMap<string, Buffer>): CheckpointFields {
  const step = fields.get(STEP_FIELD)?.toString('utf8');
  if (step === undefined) {
    throw new AppError(
      'FILE_MISSING',
      `The upload lacks the part "${STEP_FIELD}": the optimizer steps done so far.`,
      { missing: [STEP_FIELD] },
    );
  }
  if (!DIGITS.test(step) || Number(step) > MAX_STEP) {
    throw invalid(STEP_FIELD, step, `an integer from 0 to ${MAX_STEP}`);
  }
  const rewind = fields.get(REWIND_FIELD)?.toString('utf8') ?? 'false';
  if (rewind !== 'true' && rewind !== 'false') throw invalid(REWIND_FIELD, rewind, 'true or false');
  return { step: Number(step), rewind: rewind === 'true' };
}

function invalid(field: string, value: string, wanted: string): AppError {
  const detail = `${field} is ${JSON.stringify(value.slice(0, MAX_SHOWN))} but must be ${wanted}`;
  return new AppError('VALIDATION_FAILED', `${detail}.`, { errors: [{ pointer: `/${field}`, detail }] });
}
