import type { FormatName } from '../adapter/format-name.ts';
import type { AdapterRecord } from '../contract/adapter.ts';
import type { Target } from '../contract/target.ts';
import { AppError } from '../errors/app-error.ts';
import { convertTargets } from '../formats/convert/convert-targets.ts';
import { ggufArchitecture } from '../formats/convert/gguf-architectures.ts';
import { messageWithoutFile, PatternTable } from '../formats/peft/patterns.ts';
import { applyProfile } from './apply-profile.ts';
import type { Profile } from './profile.ts';
import { profileNamed } from './profiles.ts';
import { invalidTarget } from './rank-limits.ts';

/** What is known about the adapter to which a request's targets refer. */
export type KnownSource = Pick<AdapterRecord, 'format'>;

/**
 * Checks the targets of a request against their profiles and formats, so that impossible ones are refused before a
 * job is created. Problems that can only be found in the weights or the names of the modules fail only their own
 * target, when the job runs.
 * @param source undefined: nothing is known about it yet
 * @throws AppError as applyProfile, and VALIDATION_FAILED for an impossible format or pattern; the message names the
 *   target
 */
export function checkTargets(targets: readonly Target[], source?: KnownSource): void {
  for (const [index, target] of targets.entries()) {
    try {
      applyProfile(target);
      checkPatterns(target);
      checkFormat(target, source);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const errors = [{ pointer: `/targets/${index}`, detail: error.message }];
      throw new AppError(error.code, `targets[${index}]: ${error.message}`, { ...error.context, errors });
    }
  }
}

/** @param format of the target, if it has one */
function notLoaded(
  { name, title, formats }: Profile,
  written: FormatName,
  format: FormatName | undefined,
  source: KnownSource | undefined,
): AppError {
  const why = format ? `format is "${format}"` : `the adapter is in the format ${written}`;
  const reached = formats.filter(
    (one) =>
      !source ||
      one === source.format ||
      convertTargets(source.format).some((conversion) => conversion.format === one),
  );
  const advice =
    reached.length > 0
      ? `set format to ${reached.map((one) => `"${one}"`).join(' or ')}`
      : `which cannot become ${formats.join(' or ')}: choose another profile or leave it out`;
  return invalidTarget(
    `profile is "${name}", and ${title} loads ${formats.join(' and ')}, but ${why}${reached.length > 0 ? ':' : ','} ${advice}.`,
    { profile: name, format: written },
  );
}

/** Refuses a pattern that cannot be parsed, even though the modules are not known yet. */
function checkPatterns(target: Target): void {
  if (!('rank_pattern' in target)) return;
  try {
    new PatternTable(
      'rank_pattern',
      Object.keys(target.rank_pattern).map((key) => [key, key]),
    );
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw invalidTarget(messageWithoutFile(error.message), error.context);
  }
}

function checkFormat(
  { profile: name, format, format_options: options = {} }: Target,
  source?: KnownSource,
): void {
  const written = format ?? source?.format;
  if (written === undefined) return;
  const profile = name === undefined ? null : profileNamed(name);
  if (profile && !profile.formats.includes(written)) throw notLoaded(profile, written, format, source);
  if (!source || written === source.format) return;
  const ways = convertTargets(source.format);
  const conversion = ways.find((one) => one.format === written);
  const context = { from: source.format, format: written };
  if (!conversion) {
    const others = ways.map((one) => one.format).join(', ') || 'no other';
    throw invalidTarget(
      `format is "${written}", but an adapter in the format ${source.format} can be written in ${others}.`,
      context,
    );
  }
  const missing = conversion.needs.find((option) => options[option] === undefined);
  if (missing) throw invalidTarget(`format "${written}" needs format_options.${missing}.`, context);
  const { architecture } = options;
  const isAsked = [...conversion.needs, ...conversion.takes].includes('architecture');
  if (isAsked && architecture !== undefined && !ggufArchitecture(architecture)) {
    throw invalidTarget(
      `format_options.architecture is "${architecture}", which is not known; GET /v1/capabilities lists the architectures.`,
      context,
    );
  }
}
