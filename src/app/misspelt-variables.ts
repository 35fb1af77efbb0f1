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
  return isNear(variable, ours, ours.length <= 2 * MIN_LENGTH ? 1 : 2);
}

/** Whether the edit distance of two names, including swapped neighbouring letters, is at most `most`. */
function isNear(a: string, b: string, maximum: number): boolean {
  if (Math.abs(a.length - b.length) > maximum) return false;
  let [before, last] = [[] as number[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (isSame ? 0 : 1));
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwapped) row[j] = Math.min(row[j]!, before[j - 2]! + 1);
    }
    [before, last] = [last, row];
  }
  return last[b.length]! <= maximum;
}
