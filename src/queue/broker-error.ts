/** The private Redis server cannot be had. The message is for the person who starts the service. */
export class BrokerError extends Error {
  override readonly name = 'BrokerError';
}
