import { type Logger, pino } from 'pino';
import { redacted } from './redaction.ts';

export type { Logger };

/**
 * JSON lines on standard output, without secrets. `bindings` are on every line: the role, or the job that a compute
 * process runs.
 * @param level a pino level, or 'silent'
 */
export function createLogger(level: string, bindings: Readonly<Record<string, unknown>> = {}): Logger {
  return pino({
    level,
    base: { pid: process.pid, ...bindings },
    timestamp: pino.stdTimeFunctions.isoTime,
    // The whole line: a secret may stand in a message or in an error of somebody else's, at any depth.
    hooks: { streamWrite: redacted },
  });
}

/** A URL as it may be logged: user and password replaced, and nothing at all of one that cannot be parsed. */
export function withoutCredentials(url: string): string {
  try {
    const parsed = new URL(url);
    if (parsed.username) parsed.username = '***';
    if (parsed.password) parsed.password = '***';
    parsed.search = '';
    return parsed.href;
  } catch {
    return '[unreadable URL]';
  }
}
