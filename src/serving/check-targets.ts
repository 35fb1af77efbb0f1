import type { Target } from '../contract/target.ts';
import { AppError } from '../errors.ts';
import { applyProfile } from './apply-profile.ts';

/**
 * Checks a request's targets against their profiles, so that what cannot be is refused before a job exists.
 * @throws AppError as applyProfile, saying which target it is
 */
export function checkTargets(targets: readonly Target[]): void {
  for (const [index, target] of targets.entries()) {
    try {
      applyProfile(target);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const errors = [{ pointer: `/targets/${index}`, detail: error.message }];
      throw new AppError(error.code, `targets[${index}]: ${error.message}`, { ...error.context, errors });
    }
  }
}
