import { openSync } from 'node:fs';
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

/**
 * Writes down who did what, a JSON line each, whatever the level of the log is.
 * @param place `off`, `stdout` (between the lines of the log), or the path of a file that lines are added to; its folder is there
 * @returns undefined if nothing is to be written
 * @throws Error when the file cannot be opened
 */
export function openAuditLog(place: string): ((entry: object) => void) | undefined {
  if (place === 'off') return undefined;
  const options = {
    base: { component: 'audit' },
    timestamp: pino.stdTimeFunctions.isoTime,
    hooks: { streamWrite: redacted },
  };
  // Opened here: pino would retry for ever. Synchronous: a line is in the file before the next request is handled.
  const log =
    place === 'stdout'
      ? pino(options)
      : pino(options, pino.destination({ dest: openSync(place, 'a', 0o600), sync: true }));
  return (entry) => log.info(entry);
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
