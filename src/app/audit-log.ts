import { mkdirSync } from 'node:fs';
import { ConfigError } from '../errors/config-error.ts';
import { openAuditLog } from '../log.ts';
import type { Config } from './config.ts';

/** Writes down who did what; undefined: nobody wants to know, or nobody can do anything at this process. */
export type AuditLog = ReturnType<typeof openAuditLog>;

/** @throws ConfigError where there is no such file to be written */
export function openAudit({ role, dataDir, auditLog: place }: Config): AuditLog {
  if (role === 'worker') return undefined;
  // It may be kept there, also from the first start on.
  mkdirSync(dataDir, { recursive: true });
  try {
    return openAuditLog(place);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(
      `AUDIT_LOG is "${place}", which cannot be written (${code}); it must be a path in a folder that is there, ` +
        '`stdout` or `off`.',
    );
  }
}
