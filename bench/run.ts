import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeMachine } from './machine.ts';
import { type BenchOptions, type Part, parseOptions, USAGE } from './options.ts';
import { measureConcurrency } from './parts/concurrency.ts';
import type { Context, Section } from './parts/context.ts';
import { measureFloor } from './parts/floor.ts';
import { measurePeers } from './parts/peers.ts';
import { measureWork } from './parts/work.ts';

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));

const MEASURE: Readonly<Record<Part, (context: Context) => Promise<Section>>> = {
  peers: measurePeers,
  work: measureWork,
  floor: measureFloor,
  concurrency: measureConcurrency,
};

/** Reads the command line; ends the process on --help and on words it does not know. */
function readOptions(words: readonly string[]): BenchOptions {
  try {
    const options = parseOptions(words);
    if (options) return options;
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
  console.log(USAGE);
  process.exit(0);
}

const words = process.argv.slice(2);
const options = readOptions(words);
if (!existsSync(join(REPOSITORY, 'dist', 'main.js'))) {
  console.error('dist/main.js is missing: run `npm run build` first.');
  process.exit(1);
}

const startedMs = performance.now();
const elapsed = () => `${((performance.now() - startedMs) / 1000).toFixed(0).padStart(4)} s`;
const context: Context = {
  options,
  homeDir: join(REPOSITORY, 'data', 'bench'),
  repositoryDir: REPOSITORY,
  say: (line) => console.error(`${elapsed()}  ${line}`),
};
await mkdir(context.homeDir, { recursive: true });

const sections: Section[] = [];
for (const part of options.parts) {
  context.say(`Part ${part}`);
  try {
    sections.push(await MEASURE[part](context));
  } catch (error) {
    // A failed part must not lose the measurements of the other parts.
    console.error(error);
    process.exitCode = 1;
    sections.push({ markdown: `## Part ${part} failed\n\n${(error as Error).message}` });
  }
}
context.say('Done.');

const command = ['npm run bench --silent', ...(words.length > 0 ? ['--', ...words] : [])].join(' ');
const facts = [
  ...describeMachine(Object.assign({}, ...sections.map(({ versions }) => versions ?? {}))),
  `Command: \`${command}\`, ${elapsed().trim()} (after \`npm run build\`; \`--help\` lists the parts)`,
];
console.log(`# Benchmark
${options.quick ? '\n**A quick run: it tries the benchmark, its numbers are worth nothing.**\n' : ''}
${facts.map((fact) => `- ${fact}`).join('\n')}

${sections.map(({ markdown }) => markdown).join('\n\n')}`);
