import { type Logger, pino } from 'pino';

export type { Logger };

/** Header and field names whose values never reach the log. */
const SECRETS = [
  'req.headers.authorization',
  'req.headers.cookie',
  'headers.authorization',
  'headers.cookie',
  'password',
  '*.password',
];

/**
 * JSON lines on standard output. `bindings` are on every line: the role, or the job that a compute process runs.
 * @param level a pino level, or 'silent'
 */
export function createLogger(level: string, bindings: Readonly<Record<string, unknown>> = {}): Logger {
  return pino({
    level,
    base: { pid: process.pid, ...bindings },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: SECRETS, censor: '[redacted]' },
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
