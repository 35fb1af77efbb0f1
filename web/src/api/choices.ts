import type { FormatRecord } from '../../../src/contract/format.ts';
import type { ServingProfile } from '../../../src/contract/serving.ts';
import { get } from './request.ts';

export const profileList = async (signal: AbortSignal): Promise<readonly ServingProfile[]> =>
  (await get<{ profiles: ServingProfile[] }>('/v1/profiles', signal)).profiles;

/** The formats there are; none where the service does not say. */
export const formatList = async (signal: AbortSignal): Promise<readonly FormatRecord[]> =>
  get<{ formats: FormatRecord[] }>('/v1/formats', signal).then(
    ({ formats }) => formats,
    () => [],
  );
