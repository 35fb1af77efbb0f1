import { Counter, type Registry } from 'prom-client';

/** Why a request was turned away at the door. */
export type AccessRefusal = 'missing' | 'invalid' | 'too_many' | 'scope' | 'rate' | 'host' | 'origin';

/** Who was not let in. */
export class AccessMetrics {
  private readonly refusals: Counter<'reason'>;

  constructor(registry: Registry) {
    this.refusals = new Counter({
      name: 'lora_squeeze_access_refused_total',
      help: 'Requests refused by reason: no key (missing), a key that cannot be used (invalid), too many of those from one address (too_many), a scope that is missing (scope), a quota of requests (rate), a host that is not one of the service (host), a web page of another site (origin).',
      labelNames: ['reason'],
      registers: [registry],
    });
  }

  refused(reason: AccessRefusal): void {
    this.refusals.inc({ reason });
  }
}
