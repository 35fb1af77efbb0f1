import type { FormatName } from '../adapter/format-name.ts';
import type { Target } from '../contract/target.ts';
import { AppError } from '../errors.ts';
import { applyProfile } from './apply-profile.ts';

/**
 * Checks a request's targets against their profiles, so that what cannot be is refused before a job exists.
 * @throws AppError as applyProfile, and VALIDATION_FAILED for a format that no profile is about; saying which target it is
 */
export function checkTargets(targets: readonly Target[]): void {
  for (const [index, target] of targets.entries()) {
    try {
      applyProfile(target);
      checkFormat(target);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const errors = [{ pointer: `/targets/${index}`, detail: error.message }];
      throw new AppError(error.code, `targets[${index}]: ${error.message}`, { ...error.context, errors });
    }
  }
}

/** The format that every place is known to load. */
const SERVED: FormatName = 'peft';

/** What a source is in is seen in the job only: its result then is judged, and does not load. */
function checkFormat({ profile, format = SERVED }: Target): void {
  if (profile === undefined || format === SERVED) return;
  throw new AppError(
    'VALIDATION_FAILED',
    `profile is "${profile}", which loads adapters of PEFT, but format is "${format}": leave out one of them, or say format "${SERVED}".`,
    { profile, format },
  );
}
