import { AppError } from '../errors/app-error.ts';
import type { OutboundAnswer } from './outbound.ts';

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Headers that say who asks. */
const IDENTIFYING = new Set(['authorization', 'proxy-authorization', 'cookie']);

/**
 * Where an answer sends us; undefined when it is none of that kind.
 * @param from the URL that was asked
 * @throws AppError OUTBOUND_URL_INVALID
 */
export function redirectTarget(
  answer: Pick<OutboundAnswer, 'status' | 'host' | 'header'>,
  from: string,
): string | undefined {
  const location = REDIRECTS.has(answer.status) ? answer.header('location') : undefined;
  if (location === undefined) return undefined;
  if (!URL.canParse(location, from)) {
    throw new AppError('OUTBOUND_URL_INVALID', `${answer.host} redirects to something that is no URL.`, {
      host: answer.host,
    });
  }
  return new URL(location, from).href;
}

/** What of the headers may go to the next URL: on another host, port or scheme, nothing that says who asks. */
export function headersForHop(
  headers: Readonly<Record<string, string>>,
  from: string,
  to: string,
): Readonly<Record<string, string>> {
  if (new URL(from).origin === new URL(to).origin) return headers;
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !IDENTIFYING.has(name.toLowerCase())));
}
