import closeWithGrace from 'close-with-grace';
import { loadConfig } from './app/config.ts';
import { Lifecycle } from './app/lifecycle.ts';
import { startService } from './app/start-service.ts';
import { DatabaseError } from './database/database.ts';
import { AppError } from './errors/app-error.ts';
import { ConfigError } from './errors/config-error.ts';
import { createLogger } from './log.ts';
import { BrokerError } from './queue/broker-folder.ts';
import { redacted } from './redaction.ts';

/** Time after the grace period, for giving back jobs and closing everything. */
const CLOSING_MS = 30_000;

const EXIT_BAD_CONFIG = 2;

/** Runs the service, from its configuration to its end: a signal or an unexpected error stops it. */
async function main(): Promise<void> {
  refuseArguments(process.argv.slice(2));
  const config = loadConfig();
  const logger = createLogger(config.logLevel, { role: config.role });
  const lifecycle = new Lifecycle();
  const { close } = closeWithGrace(
    { delay: config.shutdownGraceMs + CLOSING_MS, logger },
    async ({ signal, err }) => {
      if (err) logger.fatal({ err }, 'unexpected error; stopping');
      else logger.info({ signal }, 'stopping');
      await lifecycle.stop(performance.now() + config.shutdownGraceMs, logger);
      logger.info('stopped');
    },
  );
  lifecycle.onStopRequested = () => void close();
  try {
    await startService(config, logger, lifecycle);
  } catch (error) {
    await lifecycle.stop(performance.now(), logger);
    throw error;
  }
}

/** Otherwise `--help`, or a command meant for `lora-squeeze`, would start a service in the current folder. */
function refuseArguments([first]: readonly string[]): void {
  if (first === undefined) return;
  throw new ConfigError(
    `The service takes no arguments, but got "${first}". Environment variables configure it (docs/configuration.md); ` +
      'the command is dist/cli/main.js (docs/command.md).',
  );
}

/**
 * Errors that the person who starts the service can fix are reported as one sentence; all others are reported with
 * their stack.
 */
function reason(error: unknown): string {
  const isForeseen =
    error instanceof ConfigError ||
    error instanceof BrokerError ||
    error instanceof DatabaseError ||
    error instanceof AppError ||
    isSystemError(error);
  return isForeseen ? error.message : String(error instanceof Error ? error.stack : error);
}

const isSystemError = (error: unknown): error is Error => error instanceof Error && 'syscall' in error;

main().catch((error: unknown) => {
  console.error(redacted(reason(error)));
  process.exit(error instanceof ConfigError ? EXIT_BAD_CONFIG : 1);
});
