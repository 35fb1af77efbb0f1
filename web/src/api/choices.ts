import type { Capabilities } from '../../../src/contract/capabilities.ts';
import { get } from './request.ts';

/** What the service offers for a choice: formats, profiles and limits. */
export const capabilities = (signal: AbortSignal): Promise<Capabilities> =>
  get<Capabilities>('/v1/capabilities', signal);
