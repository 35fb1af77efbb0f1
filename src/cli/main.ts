#!/usr/bin/env node
/** The command `lora-squeeze`. */
import { runProgram } from './program.ts';

// Whoever read our output has seen enough, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});
process.exitCode = await runProgram(process.argv.slice(2));
