import { Command } from 'ioredis';

/** What ioredis 6.0 has in Command.ts, as far as it matters here. */
interface TimedCommand {
  _commandTimeoutTimer?: NodeJS.Timeout;
  readonly isSettled: boolean;
  reject(error: Error): void;
}

/**
 * Fixes when ioredis gives up a command.
 *
 * Node runs timers before it reads. If a process was held up, by its own work or by a busy machine, the time limit of
 * a command passed while its answer was waiting unread in the socket, and the command failed although Redis had
 * answered in time. With this fix, pending answers are read first.
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
