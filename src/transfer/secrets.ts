import type { RecordedSink, RecordedSource, SinkObject, SourceObject } from '../contract/transfer.ts';
import { AppError } from '../errors/app-error.ts';
import type { SecretBox } from './secret-box.ts';
import { shownPlace } from './transfer-ends.ts';

/**
 * A source for the record: what may be seen, and the request as a whole sealed, so that no field can be forgotten.
 * What has no secret, the Hub without a token, needs no box.
 * @throws AppError SECRETS_UNAVAILABLE without a box where one is needed
 */
export function sealSource(
  source: SourceObject,
  box: SecretBox | undefined,
  hubEndpoint: string,
): RecordedSource {
  const place = shownPlace(source, hubEndpoint);
  if (source.kind !== 'hub') return { kind: source.kind, place, sealed: sealed(source, box) };
  const { token, ...visible } = source;
  const hasToken = token !== undefined;
  return { ...visible, place, has_token: hasToken, ...(hasToken && { sealed: sealed(source, box) }) };
}

/** @throws AppError SECRETS_UNAVAILABLE, SECRETS_KEY_MISMATCH, SECRETS_DAMAGED */
export function unsealSource(recorded: RecordedSource, box: SecretBox | undefined): SourceObject {
  if (recorded.kind === 'hub' && !recorded.has_token) {
    const { place: _shown, has_token: _no, sealed: _nothing, ...source } = recorded;
    return source;
  }
  return opened<SourceObject>(recorded, box);
}

/** @throws AppError SECRETS_UNAVAILABLE without a box */
export function sealSink(sink: SinkObject, box: SecretBox | undefined, hubEndpoint: string): RecordedSink {
  const recorded = { place: shownPlace(sink, hubEndpoint), sealed: sealed(sink, box) };
  return sink.kind === 'hub'
    ? { kind: 'hub', repo: sink.repo, ...recorded }
    : { kind: sink.kind, ...recorded };
}

/** @throws AppError SECRETS_UNAVAILABLE, SECRETS_KEY_MISMATCH, SECRETS_DAMAGED */
export function unsealSink(recorded: RecordedSink, box: SecretBox | undefined): SinkObject {
  return opened<SinkObject>(recorded, box);
}

/** What remains when the job has ended, and what clients see: no secret, not even a sealed one. */
export function redactFinal<Recorded extends RecordedSource | RecordedSink>(recorded: Recorded): Recorded {
  const { sealed: _gone, ...visible } = recorded;
  return visible as Recorded;
}

function sealed(end: SourceObject | SinkObject, box: SecretBox | undefined): string {
  return needed(box).seal(JSON.stringify(end));
}

function opened<End extends SourceObject | SinkObject>(
  recorded: RecordedSource | RecordedSink,
  box: SecretBox | undefined,
): End {
  if (recorded.sealed === undefined) {
    throw new AppError(
      'SECRETS_UNAVAILABLE',
      `The secrets for ${recorded.place} were removed when the job ended; send its request again.`,
      {
        place: recorded.place,
      },
    );
  }
  return JSON.parse(needed(box).open(recorded.sealed)) as End;
}

function needed(box: SecretBox | undefined): SecretBox {
  if (box) return box;
  throw new AppError(
    'SECRETS_UNAVAILABLE',
    'The service has no key to seal secrets, so it accepts no URLs, credentials or tokens; set SECRETS_KEYS.',
  );
}
