import { ConfigError } from '../errors/config-error.ts';
import {
  isSecret,
  passwordVariable,
  refuseExample,
  type SecretFiles,
  type SecretName,
  secretIn,
  urlWithPassword,
} from './secret-variables.ts';

/** A file is checked at most this often. */
const CHECK_INTERVAL_MS = 1_000;

export interface LiveSecretsOptions {
  /** The values when the process started. */
  readonly values: Readonly<Partial<Record<SecretName, string | undefined>>>;
  /** The files that are read again. */
  readonly files: SecretFiles;
  readonly onChange?: (name: SecretName) => void;
  /** Called once for each fault; the secret keeps its previous value. */
  readonly onFailure?: (name: SecretName, reason: string) => void;
}

/**
 * The current secrets. A secret that was given as a file is read again when it is requested, so it can change while
 * the process runs, even if the file is replaced by another one, as Kubernetes does.
 */
export class LiveSecrets {
  private readonly options: LiveSecretsOptions;
  private readonly known = new Map<SecretName, { text: string; checkedAtMs: number; fault?: string }>();

  constructor(options: LiveSecretsOptions) {
    this.options = options;
  }

  /** Never throws: if a file is missing or invalid, the previous value stays. */
  get(name: SecretName): string | undefined {
    const { values, files } = this.options;
    const path = files[name];
    if (path === undefined) return values[name];
    let known = this.known.get(name);
    if (!known) {
      known = { text: values[name]!, checkedAtMs: Number.NEGATIVE_INFINITY };
      this.known.set(name, known);
    }
    const nowMs = performance.now();
    if (nowMs - known.checkedAtMs < CHECK_INTERVAL_MS) return known.text;
    known.checkedAtMs = nowMs;
    this.readFile(name, path, known);
    return known.text;
  }

  /** The URL, with the password of the separate variable if that is set. */
  url(name: 'REDIS_URL' | 'DATABASE_URL'): string {
    return urlWithPassword(this.get(name)!, this.get(passwordVariable(name)));
  }

  private readFile(name: SecretName, path: string, known: { text: string; fault?: string }): void {
    try {
      const text = secretIn(name, path);
      if (text !== known.text) {
        if (!isSecret(name, text))
          throw new ConfigError(
            `${name}_FILE is "${path}", whose new content is not a valid ${name}; the previous one stays in use.`,
          );
        refuseExample(name, text);
        known.text = text;
        this.options.onChange?.(name);
      }
      delete known.fault;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      if (known.fault !== error.message) this.options.onFailure?.(name, error.message);
      known.fault = error.message;
    }
  }
}
