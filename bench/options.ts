import { parseArgs } from 'node:util';

const USAGE = `Usage: npm run bench --silent -- [--runs N] [--rank K] [--skip-peers]

Squeezes an adapter of Llama-2-7B's shape (224 modules, rank 64, bfloat16, 320 MB) with the built service and, where
/usr/bin/python3 has torch and safetensors, with the peers of bench/peers.py. Progress goes to standard error,
Markdown to standard output.

  --runs N      warm jobs for each method, after the first, cold one (default 5)
  --rank K      target rank (default 16)
  --skip-peers  do not run the peers (nor score the results: that takes torch)`;

export interface BenchOptions {
  readonly runs: number;
  readonly rank: number;
  readonly skipPeers: boolean;
}

/** Reads the command line; ends the process on --help and on words it does not know. */
export function readOptions(): BenchOptions {
  try {
    const { values } = parseArgs({
      options: {
        runs: { type: 'string', default: '5' },
        rank: { type: 'string', default: '16' },
        'skip-peers': { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const whole = (name: 'runs' | 'rank', most: number) => {
      const value = Number(values[name]);
      if (!Number.isInteger(value) || value < 1 || value > most) {
        throw new Error(`--${name} must be a whole number from 1 to ${most}, not "${values[name]}"`);
      }
      return value;
    };
    return { runs: whole('runs', 1000), rank: whole('rank', 63), skipPeers: values['skip-peers'] };
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}
