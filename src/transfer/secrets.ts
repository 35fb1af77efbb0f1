import type { RecordedSink, RecordedSource, SinkObject, SourceObject } from '../contract/transfer.ts';
import { AppError } from '../errors/app-error.ts';
import { requireBox, type SecretBox } from './secret-box.ts';
import { endpointText } from './transfer-endpoints.ts';

const WHAT = 'secrets, so it accepts no URLs, credentials or tokens';

/**
 * The record of a source: the visible part, and the request as a whole encrypted, so that no field can be forgotten. A
 * source without secrets, such as the Hub without a token, needs no box.
 * @throws AppError SECRETS_UNAVAILABLE if a box is needed and there is none
 */
export function encryptSource(
  source: SourceObject,
  box: SecretBox | undefined,
  hubEndpoint: string,
): RecordedSource {
  const place = endpointText(source, hubEndpoint);
  if (source.kind !== 'hub') return { kind: source.kind, place, encrypted: encrypted(source, box) };
  const { token, ...visible } = source;
  const hasToken = token !== undefined;
  return { ...visible, place, has_token: hasToken, ...(hasToken && { encrypted: encrypted(source, box) }) };
}

/** @throws AppError SECRETS_UNAVAILABLE, SECRETS_KEY_MISMATCH, SECRETS_DAMAGED */
export function decryptSource(recorded: RecordedSource, box: SecretBox | undefined): SourceObject {
  if (recorded.kind === 'hub' && !recorded.has_token) {
    const { place: _shown, has_token: _no, encrypted: _nothing, ...source } = recorded;
    return source;
  }
  return decrypted<SourceObject>(recorded, box);
}

/** @throws AppError SECRETS_UNAVAILABLE without a box */
export function encryptSink(sink: SinkObject, box: SecretBox | undefined, hubEndpoint: string): RecordedSink {
  const recorded = { place: endpointText(sink, hubEndpoint), encrypted: encrypted(sink, box) };
  return sink.kind === 'hub'
    ? { kind: 'hub', repo: sink.repo, ...recorded }
    : { kind: sink.kind, ...recorded };
}

/** @throws AppError SECRETS_UNAVAILABLE, SECRETS_KEY_MISMATCH, SECRETS_DAMAGED */
export function decryptSink(recorded: RecordedSink, box: SecretBox | undefined): SinkObject {
  return decrypted<SinkObject>(recorded, box);
}

/** The record as clients see it and as it is kept after the job has ended: without secrets, even encrypted ones. */
export function redactFinal<Recorded extends RecordedSource | RecordedSink>(recorded: Recorded): Recorded {
  const { encrypted: _gone, ...visible } = recorded;
  return visible as Recorded;
}

function encrypted(end: SourceObject | SinkObject, box: SecretBox | undefined): string {
  return requireBox(box, WHAT).encrypt(JSON.stringify(end));
}

function decrypted<End extends SourceObject | SinkObject>(
  recorded: RecordedSource | RecordedSink,
  box: SecretBox | undefined,
): End {
  if (recorded.encrypted === undefined) {
    throw new AppError(
      'SECRETS_UNAVAILABLE',
      `The secrets for ${recorded.place} were removed when the job ended; send its request again.`,
      {
        place: recorded.place,
      },
    );
  }
  return JSON.parse(requireBox(box, WHAT).decrypt(recorded.encrypted)) as End;
}
