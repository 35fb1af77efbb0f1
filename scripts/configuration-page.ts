import type { TSchema } from 'typebox';
import { allowedValues, Environment } from '../src/app/config.ts';

const HEAD = `# Configuration

<!-- Generated from src/app/environment.ts by \`npx tsx scripts/write-configuration.ts\`. -->

Everything is set by environment variables. Empty ones count as unset. The service does not start when a value is
wrong: it says which variable, its value and what is allowed, and ends with exit code 2.

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
