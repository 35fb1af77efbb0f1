import type { TSchema } from 'typebox';
import { allowedValues, Environment } from '../src/app/config.ts';
import { SECRET_NAMES } from '../src/app/secret-variables.ts';

const AT_THE_START = /^(?:AWS_|HF_)/;
const LIVE = SECRET_NAMES.filter((name) => !AT_THE_START.test(name));

const HEAD = `# Configuration

<!-- Generated from src/app/environment.ts by \`npx tsx scripts/write-configuration.ts\`. -->

Everything is set by environment variables. Empty ones count as unset. The service does not start when a value is
wrong: it says which variable, its value and what is allowed, and ends with exit code 2.

## Secrets in files

A variable that holds a secret has a second one, whose name ends in \`_FILE\`: the path of a file that holds the secret, as
Docker and Kubernetes mount them. A line break at the end of the file is dropped. Only one of the two may be set.

${LIVE.map((name) => `\`${name}_FILE\``).join(', ')} are read again while the service runs, at most once a second,
also where the file was replaced by another. What a URL or a password has become counts from the next connection on; of a URL
only login and password do. A file that is away, or holds nothing that can be used, leaves the secret as it was, and a line
of the log tells it. The other secrets are read when the service starts.

A secret that stands in an example of this repository (\`change-me\`) is refused.

## Variables

Names have no prefix. When the service starts it warns of a name that is near to one of the table, such as
\`WORKER_CONCURENCY\`, with the name that was probably meant; such a variable changes nothing.

| variable | default | allowed | meaning |
|---|---|---|---|
`;

/** docs/configuration.md. */
export function configurationPage(): string {
  return HEAD + Object.entries(Environment.properties).map(row).join('');
}

function row([name, schema]: [string, TSchema]): string {
  const { default: value, description } = schema as { default?: unknown; description?: string };
  const shown = value === undefined ? '' : `\`${value}\``;
  return `| \`${name}\` | ${shown} | ${cell(allowedValues(schema))} | ${cell(description ?? '')} |\n`;
}

const cell = (text: string): string => text.replaceAll('|', '\\|');
