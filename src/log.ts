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

/** Hosts after a first one, as in redis+sentinel://a:26379,b:26379/name: URL cannot parse them. */
const MORE_HOSTS = /^([a-z+]+:\/\/(?:[^@/?#]*@)?[^@/?#,]+)((?:,[\w.:[\]-]+)+)(?=[/?#]|$)/;

/** A URL as it may be logged: user and password replaced, and nothing at all of one that cannot be parsed. */
export function withoutCredentials(url: string): string {
  const [, start, more = ''] = MORE_HOSTS.exec(url) ?? [];
  try {
    const parsed = new URL(start === undefined ? url : start + url.slice(start.length + more.length));
    // Of a password that is not encoded, a part may be there.
    if (parsed.pathname.includes('@')) throw new Error('an @ in the path');
    if (parsed.username) parsed.username = '***';
    if (parsed.password) parsed.password = '***';
    parsed.search = '';
    return more === '' ? parsed.href : withHosts(parsed, parsed.host + more);
  } catch {
    return '[unreadable URL]';
  }
}

function withHosts({ protocol, username, password, pathname }: URL, hosts: string): string {
  const login = username || password ? `${username}:${password}@` : '';
  return `${protocol}//${login}${hosts}${pathname}`;
}
