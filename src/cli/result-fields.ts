import { LABEL_NAME, LABEL_NAME_RULE, Labels } from '../contract/labels.ts';
import { ResultSettings } from '../contract/result-settings.ts';
import type { Arguments, OptionGroup } from './command.ts';
import { textOption } from './command.ts';
import { UsageError } from './command-error.ts';
import { type FieldSchema, fieldValue, parseDuration } from './field-value.ts';

const NAME = ResultSettings.properties.name as FieldSchema;
const LABEL_TEXT = Object.values(Labels.patternProperties)[0] as FieldSchema;

/** Options for the name of the result on the server, and for how long it is kept. */
export const RESULT_GROUP: OptionGroup = {
  title: 'Result on the server',
  options: [
    {
      name: 'name',
      value: 'NAME',
      help: 'Name of the result, with {source} and {rank} filled in; default {source}-r{rank}.',
      schema: NAME,
    },
    { name: 'label', value: 'NAME=VALUE', multiple: true, help: 'A label; may be repeated.' },
    {
      name: 'expires-in',
      value: 'TIME',
      help: 'How long the result is kept, such as 12h or 30d; the server has a default.',
    },
  ],
};

/**
 * Reads the options for the result on the server.
 * @returns undefined if none was given
 * @throws UsageError
 */
export function readResults(args: Arguments): ResultSettings | undefined {
  const name = textOption(args, 'name');
  const lifetime = textOption(args, 'expires-in');
  const labels = args.values.label as readonly string[] | undefined;
  if (name === undefined && lifetime === undefined && labels === undefined) return undefined;
  return {
    ...(name !== undefined && { name: fieldValue('--name', name, NAME) as string }),
    ...(labels && { labels: labelsOf(labels) }),
    ...(lifetime !== undefined && { ttl_seconds: parseDuration(lifetime) }),
  };
}

/** Parses NAME=VALUE. The first "=" separates them, because names contain none. */
function labelsOf(entries: readonly string[]): Labels {
  const labels = new Map<string, string>();
  for (const entry of entries) {
    const [name, ...rest] = entry.split('=');
    if (rest.length === 0 || !new RegExp(LABEL_NAME, 'u').test(name!)) {
      throw new UsageError(
        `--label is ${JSON.stringify(entry)} but must be NAME=VALUE, and ${LABEL_NAME_RULE}`,
      );
    }
    if (labels.has(name!)) throw new UsageError(`--label contains ${JSON.stringify(name)} twice`);
    labels.set(name!, fieldValue(`--label ${name}`, rest.join('='), LABEL_TEXT) as string);
  }
  return Object.fromEntries(labels);
}
