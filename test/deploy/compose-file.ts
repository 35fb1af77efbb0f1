import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

export const ROOT = join(import.meta.dirname, '../..');

/** A service as `config` prints it: merged, with variables replaced and absolute paths. */
export interface ComposeService {
  readonly image: string;
  readonly build?: {
    readonly context: string;
    readonly target: string;
    readonly additional_contexts?: Readonly<Record<string, string>>;
  };
  readonly user?: string;
  readonly profiles?: readonly string[];
  readonly command: readonly string[] | null;
  readonly container_name?: string;
  readonly environment?: Readonly<Record<string, string | null>>;
  readonly ports?: readonly { readonly host_ip?: string; readonly target: number }[];
  readonly volumes?: readonly {
    readonly type: string;
    readonly source: string;
    readonly target: string;
    readonly read_only?: boolean;
  }[];
  readonly networks: Readonly<Record<string, { readonly aliases?: readonly string[] } | null>>;
  readonly secrets?: readonly { readonly source: string; readonly target?: string }[];
  readonly mem_limit?: string;
  readonly cpus?: number;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly entrypoint?: readonly string[] | null;
  readonly deploy?: { readonly resources?: { readonly reservations?: { readonly devices?: unknown } } };
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly read_only?: boolean;
  readonly init?: boolean;
  readonly restart?: string;
  readonly stop_grace_period?: string;
}

export interface ComposeConfig {
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly services: Readonly<Record<string, ComposeService>>;
}

/** The command line of Compose on this machine, if any: Debian's own, or Docker's plugin. */
export function composeProgram(): string[] | undefined {
  return [['docker-compose'], ['docker', 'compose']].find(
    ([program, ...first]) => spawnSync(program!, [...first, 'version']).status === 0,
  );
}

/**
 * docker-compose.yml as Compose resolves it, without a container engine.
 * @throws Error with the message of Compose, warnings included
 */
export function composeConfig(program: readonly string[], options: readonly string[] = []): ComposeConfig {
  const [command, ...first] = program;
  const { PATH, HOME } = process.env;
  const { status, stdout, stderr } = spawnSync(
    command!,
    [...first, ...options, 'config', '--format', 'json'],
    {
      cwd: ROOT,
      encoding: 'utf8',
      env: { PATH, HOME },
    },
  );
  if (status !== 0 || stderr !== '') throw new Error(`${options.join(' ')}: ${stderr}`);
  return JSON.parse(stdout) as ComposeConfig;
}

/** The options of the queue's server as the file has them, without the program. */
export function queueServerOptions(): string[] {
  const file = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
    services: { redis: { command: string[] } };
  };
  return file.services.redis.command.slice(1);
}
