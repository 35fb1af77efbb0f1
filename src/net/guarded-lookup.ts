import type { LookupFunction } from 'node:net';
import { AppError } from '../errors/app-error.ts';
import { isForbiddenAddress } from './address-guard.ts';

/**
 * A lookup for sockets that gives an address only if it and all others of the name are public. The socket dials what
 * it got here and asks nobody again, so that a second, different answer of the name server changes nothing.
 */
export function guardedLookup(lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options, (error, address, family) => {
      if (error) return callback(error, address, family);
      const found = typeof address === 'string' ? [address] : address.map((entry) => entry.address);
      if (found.length > 0 && !found.some(isForbiddenAddress)) return callback(null, address, family);
      // The address itself stays unsaid: strangers would learn how names resolve inside.
      callback(
        new AppError(
          'OUTBOUND_FORBIDDEN',
          `${hostname} does not lead to a public address; the service does not connect there.`,
          { host: hostname },
        ),
        '',
      );
    });
  };
}
