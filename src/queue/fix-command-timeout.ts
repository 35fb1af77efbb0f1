import { Command } from 'ioredis';

/** The part of ioredis 6.0's Command.ts that is used here. */
interface TimedCommand {
  _commandTimeoutTimer?: NodeJS.Timeout;
  readonly isSettled: boolean;
  reject(error: Error): void;
}

/**
 * Fixes when ioredis gives up a command.
 *
 * Node runs timers before it reads. If a process was blocked, by its own work or by a busy machine, the time limit
 * of a command could pass while its answer was waiting unread in the socket, and the command failed although Redis
 * had answered in time. With this fix, pending answers are read first.
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
