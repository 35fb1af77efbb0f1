/** Runs the command once for each call in its argument, and prints the outcomes as one line of JSON. */
import { runProgram } from '../../src/cli/program.ts';
import type { Call } from './command.ts';

const write = process.stdout.write.bind(process.stdout);
const ended: { code: number; stdout: string; stderr: string }[] = [];
for (const { args, env = {} } of JSON.parse(process.argv[2]!) as Call[]) {
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    process[name].write = (text: string | Uint8Array) => {
      output[name] += text;
      return true;
    };
  }
  const before = { ...process.env };
  Object.assign(process.env, env);
  ended.push({ code: await runProgram(args), ...output });
  process.env = before;
}
write(`${JSON.stringify(ended)}\n`);
