import type { Capabilities } from '../../../src/contract/capabilities.ts';
import { get } from './request.ts';

/** What can be chosen: formats, profiles, limits. */
export const capabilities = (signal: AbortSignal): Promise<Capabilities> =>
  get<Capabilities>('/v1/capabilities', signal);
