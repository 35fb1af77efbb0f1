import type { FormatRecord } from '../../../src/contract/format.ts';
import type { ServingProfile } from '../../../src/contract/serving.ts';
import { get, type Page } from './request.ts';

export const profileList = async (signal: AbortSignal): Promise<readonly ServingProfile[]> =>
  (await get<Page<ServingProfile>>('/v1/profiles', signal)).data;

/** The formats there are; none where the service does not say. */
export const formatList = async (signal: AbortSignal): Promise<readonly FormatRecord[]> =>
  get<Page<FormatRecord>>('/v1/formats', signal).then(
    ({ data }) => data,
    () => [],
  );
