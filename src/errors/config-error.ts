/** An environment variable has a value that the service cannot use. The message is for the person who set it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}
