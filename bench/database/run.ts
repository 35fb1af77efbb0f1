import { PRODUCT } from '../../src/version.ts';
import { describeMachine } from '../machine.ts';
import { measureDialect } from './measure-rows.ts';
import { parseOptions, USAGE } from './options.ts';
import { rowsPage } from './rows-page.ts';

async function main(): Promise<void> {
  const words = process.argv.slice(2);
  const options = parseOptions(words);
  if (!options) return console.log(USAGE);
  const conditions = [
    ...describeMachine({ 'LoRA-Squeeze': PRODUCT.version }),
    `Command: \`${['npx tsx bench/database/run.ts', ...words].join(' ')}\``,
  ];
  // Without this, listeners to the end of the process would not be called.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  const pages: string[] = [];
  for (const dialect of options.dialects) {
    for (const amounts of options.amounts) {
      console.error(`${dialect}, ${amounts.jobs} jobs …`);
      pages.push(rowsPage(await measureDialect(dialect, amounts)));
    }
  }
  console.log(`# How long lists take
${options.quick ? '\n**A quick run: it tries the benchmark, its numbers are worth nothing.**\n' : ''}
${conditions.map((line) => `- ${line}`).join('\n')}

${pages.join('\n\n')}`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
