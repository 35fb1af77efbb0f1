import { isWithinEdits } from '../errors/edit-distance.ts';
import { Environment } from './environment.ts';

export interface MisspeltVariable {
  readonly variable: string;
  readonly suggestion: string;
}

const OWN_VARIABLES = Object.keys(Environment.properties);
/** Shorter names are not compared, because variables of other programs, such as HOSTNAME, resemble them. */
const MIN_LENGTH = 6;
const NAME = /^[A-Z][A-Z0-9_]*$/;
const PREFIX = /^LORA_SQUEEZE_/;
/** Values that Kubernetes sets for a service of this name. */
const OF_KUBERNETES = /^tcp:\/\/|^\d+$/;
const UNIT = /_(?:MS|S|SECS?|SECONDS|MINUTES|HOURS|DAYS|BYTES|KB|MB|GB|MIB|GIB)$/;

/**
 * Variables that were probably meant for this service but do not exist: a typing error, a wrong or missing unit, or a
 * prefix. The service's variables have no common prefix, so misspelt ones are only recognised by their similarity.
 */
export function misspeltVariables(env: NodeJS.ProcessEnv): MisspeltVariable[] {
  return Object.entries(env).flatMap(([variable, value = '']) => {
    if (value === '' || variable in Environment.properties || !NAME.test(variable)) return [];
    const suggestion = OWN_VARIABLES.find((name) => isMeant(variable, name, value));
    return suggestion === undefined ? [] : [{ variable, suggestion }];
  });
}

function isMeant(variable: string, ours: string, value: string): boolean {
  if (ours.length < MIN_LENGTH) return false;
  if (PREFIX.test(variable)) return variable.replace(PREFIX, '') === ours && !OF_KUBERNETES.test(value);
  // A first letter is hardly ever wrong, and distinguishes HF_TOKEN from tokens of other programs.
  if (variable[0] !== ours[0]) return false;
  if (UNIT.test(ours) && variable.replace(UNIT, '') === ours.replace(UNIT, '')) return true;
  return isWithinEdits(variable, ours, ours.length <= 2 * MIN_LENGTH ? 1 : 2);
}
