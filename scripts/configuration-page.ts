import type { TSchema } from 'typebox';
import { allowedValues, Environment } from '../src/app/config.ts';
import { SECRET_NAMES } from '../src/app/secret-variables.ts';

const AT_THE_START = /^(?:AWS_|HF_)/;
const LIVE = SECRET_NAMES.filter((name) => !AT_THE_START.test(name));

const HEAD = `# Configuration

<!-- Generated from src/app/environment.ts by \`npx tsx scripts/write-configuration.ts\`. -->

All settings are environment variables. Empty ones count as unset. If a value is wrong, the service does not start: it
prints the variable, its value and what is allowed, and exits with code 2.

## Secrets in files

Instead of a variable that holds a secret, set the variable with the same name and \`_FILE\`: the path of a file with the secret, as
Docker and Kubernetes mount it. A line break at the end of the file is ignored. Setting both is an error.

${LIVE.map((name) => `\`${name}_FILE\``).join(', ')} are read again while the service runs, at most once a second,
even if the file is replaced. Changes apply to new connections. In a URL,
only user and password may change. If the file is missing or its content is invalid, the service keeps the old secret and logs
a warning. The other secrets are read at startup.

Example secrets of this repository (\`change-me\`) are refused.

## Variables

Names have no prefix. At startup the service warns of variables that look like a misspelt name from the table, such as
\`WORKER_CONCURENCY\`; they have no effect.

| variable | default | allowed | meaning |
|---|---|---|---|
`;

/** The text of docs/configuration.md. */
export function configurationPage(): string {
  return HEAD + Object.entries(Environment.properties).map(row).join('');
}

function row([name, schema]: [string, TSchema]): string {
  const { default: value, description } = schema as { default?: unknown; description?: string };
  const shown = value === undefined ? '' : `\`${value}\``;
  return `| \`${name}\` | ${shown} | ${cell(allowedValues(schema))} | ${cell(description ?? '')} |\n`;
}

const cell = (text: string): string => text.replaceAll('|', '\\|');
