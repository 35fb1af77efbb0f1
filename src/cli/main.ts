#!/usr/bin/env node
/** The command `lora-squeeze`. */
import { runProgram } from './program.ts';

// The reader of the output, such as `head`, has closed it and needs no more.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});
process.exitCode = await runProgram(process.argv.slice(2));
