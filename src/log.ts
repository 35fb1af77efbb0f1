import { openSync } from 'node:fs';
import { type Logger, pino } from 'pino';
import { redacted } from './redaction.ts';

export type { Logger };

/**
 * A logger for JSON lines on standard output, without secrets. `bindings` are added to every line: the role, or the
 * job that a compute process runs.
 * @param level a pino level, or 'silent'
 */
export function createLogger(level: string, bindings: Readonly<Record<string, unknown>> = {}): Logger {
  return pino({
    level,
    base: { pid: process.pid, ...bindings },
    timestamp: pino.stdTimeFunctions.isoTime,
    // The whole line is checked, because a secret may be in a message or in an error of a library, at any depth.
    hooks: { streamWrite: redacted },
  });
}

/**
 * Opens the audit log, which has one JSON line per entry, whatever the log level is.
 * @param place `off`, `stdout` (between the lines of the log), or the path of a file to append to, whose folder
 *   exists
 * @returns undefined if it is off
 * @throws Error if the file cannot be opened
 */
export function openAuditLog(place: string): ((entry: object) => void) | undefined {
  if (place === 'off') return undefined;
  const options = {
    base: { component: 'audit' },
    timestamp: pino.stdTimeFunctions.isoTime,
    hooks: { streamWrite: redacted },
  };
  // Opened here, because pino would retry indefinitely. Synchronous, so that a line is in the file before the next
  // request is handled.
  const log =
    place === 'stdout'
      ? pino(options)
      : pino(options, pino.destination({ dest: openSync(place, 'a', 0o600), sync: true }));
  return (entry) => log.info(entry);
}

/** Further hosts, as in redis+sentinel://a:26379,b:26379/name, which URL cannot parse. */
const MORE_HOSTS = /^([a-z+]+:\/\/(?:[^@/?#]*@)?[^@/?#,]+)((?:,[\w.:[\]-]+)+)(?=[/?#]|$)/;

/** A URL as it may be logged: with user and password replaced, or a fixed text if it cannot be parsed. */
export function withoutCredentials(url: string): string {
  const [, start, more = ''] = MORE_HOSTS.exec(url) ?? [];
  try {
    const parsed = new URL(start === undefined ? url : start + url.slice(start.length + more.length));
    // A part of a password that is not encoded may be in the path.
    if (parsed.pathname.includes('@')) throw new Error('The path contains an @');
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
