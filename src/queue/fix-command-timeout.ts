import { Command } from 'ioredis';

/** What ioredis 6.0 has in Command.ts, as far as it matters here. */
interface TimedCommand {
  _commandTimeoutTimer?: NodeJS.Timeout;
  readonly isSettled: boolean;
  reject(error: Error): void;
}

/**
 * Fixes when ioredis gives a command up.
 *
 * Node looks at its timers before it reads. When a process was held up, by its own work or by a busy machine, the time
 * of a command was over while its answer lay unread in the socket, and it failed although Redis had answered in time.
 * Now what has come is read first.
 */
export function fixCommandTimeout(): void {
  Command.prototype.setTimeout = function (this: Command, timeoutMs: number) {
    const command = this as unknown as TimedCommand;
    const giveUp = (): void => {
      if (!command.isSettled) command.reject(new Error('Command timed out'));
    };
    command._commandTimeoutTimer ??= setTimeout(() => setImmediate(giveUp), timeoutMs);
  };
}
