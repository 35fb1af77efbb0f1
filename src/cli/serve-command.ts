import type { Command } from './command.ts';
import { refusePositionals } from './command.ts';
import { EXIT } from './command-error.ts';

export const SERVE: Command = {
  name: 'serve',
  summary: 'Runs the service.',
  synopsis: [''],
  about:
    'Starts the service, as npm start does: the REST service on HOST and PORT with its data under DATA_DIR, configured by environment ' +
    'variables (docs/configuration.md). SIGTERM or Ctrl-C stops it.',
  groups: [],
  async run(args) {
    refusePositionals(args);
    // The word "serve" is for this command; the service takes none.
    process.argv.splice(2);
    // The module runs when it is loaded, and ends the process itself.
    await import('../main.ts');
    return EXIT.ok;
  },
};
