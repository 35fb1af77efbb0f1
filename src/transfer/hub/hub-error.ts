import { HubApiError, InvalidApiResponseFormatError } from '@huggingface/hub';
import { AppError } from '../../errors/app-error.ts';
import { answerError, outboundError } from '../../net/outbound-error.ts';

const NO_ACCESS = 'there is no such repository, or the token does not open it';

/** What the Hub means, by its error code, else by its status. */
const MEANINGS: Readonly<Record<string, string>> = {
  RepoNotFound: NO_ACCESS,
  RevisionNotFound: 'there is no such branch, tag or commit',
  EntryNotFound: 'there is no such file',
  GatedRepo:
    'the repository is gated: its owner has to grant access, and the token has to be of an account that has it',
  DisabledRepo: 'the repository is disabled',
  401: NO_ACCESS,
  403: 'the token does not allow it',
  404: NO_ACCESS,
  409: 'it conflicts with what is there',
  413: 'it is too large',
};

export interface HubContext {
  readonly host: string;
  readonly repo: string;
  /** `X-Error-Code` of the answer. */
  readonly errorCode: string | undefined;
}

/**
 * A failed call as an AppError: OUTBOUND_REFUSED, OUTBOUND_FAILED, or our own inside. The library's error is not kept:
 * its URL may be a presigned one.
 */
export function hubError({ host, repo, errorCode }: HubContext, error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof HubApiError) {
    // Large files go to another host than that of the Hub.
    const answering = URL.canParse(error.url) ? new URL(error.url).host : host;
    const meaning = MEANINGS[errorCode ?? ''] ?? MEANINGS[error.statusCode] ?? 'the Hub refused';
    return answerError(answering, error.statusCode, `${repo}: ${meaning}`);
  }
  if (error instanceof InvalidApiResponseFormatError || error instanceof SyntaxError) {
    return new AppError('OUTBOUND_FAILED', `${host} does not answer as the Hub does.`, { host });
  }
  return outboundError(host, error);
}
