import { type BatchSettings, MAX_BATCH_ITEMS } from '../../contract/batch.ts';
import type { JobRequest } from '../../contract/job-request.ts';
import { AppError } from '../../errors/app-error.ts';
import { invalidField } from '../../errors/field-errors.ts';
import { invalidFaults } from '../../http/convert-error.ts';
import { readRequestJson } from '../../http/request-json.ts';
import type { Fault } from '../../http/validation-message.ts';
import type { BodyLine } from './body-lines.ts';
import type { BatchInLines } from './intake.ts';
import { isObject, jobFaults, type RequestedItem, withBatchSettings } from './item-request.ts';

/** Limit of a line: the same as for the body of one job. */
export const MAX_LINE_BYTES = 64 * 1024;
/** The most faults that are reported, because a response must stay readable. */
const MAX_REPORTED = 100;

/** Checks of the lines. */
export interface LineChecks {
  /** The faults of a job; none if it fits its schema. */
  readonly job: (value: object) => Fault[];
  readonly settings: (value: unknown) => Fault[];
  /** Called when the last line has been read, before the batch is accepted. */
  readonly onEnd: () => Promise<void>;
}

/**
 * A batch with one job in each line. The first line may contain the settings for all jobs. At most one line is in
 * memory.
 * @returns items that throw, at their end, AppError VALIDATION_FAILED or UNKNOWN_OPTION with the faults of all lines
 * @throws AppError with the same codes, for the first line
 */
export async function batchLines(lines: AsyncGenerator<BodyLine>, checks: LineChecks): Promise<BatchInLines> {
  const { done, value: first } = await lines.next();
  const faults = new LineFaults();
  if (done) return { settings: {}, items: itemsOf({}, [], lines, { ...checks, faults }) };
  const read = readLine(first, faults);
  if (!isObject(read) || !('settings' in read))
    return { settings: {}, items: itemsOf({}, [{ line: first, value: read }], lines, { ...checks, faults }) };
  const { settings, ...others } = read;
  for (const name of Object.keys(others))
    faults.add(first.number, [
      {
        pointer: '',
        detail: `"settings" must be alone in its line, without ${JSON.stringify(name.slice(0, 60))}`,
        unknownOption: false,
      },
    ]);
  faults.add(first.number, checks.settings(settings), '/settings');
  // Without valid settings, the other lines cannot be interpreted.
  faults.check();
  return {
    settings: settings as BatchSettings,
    items: itemsOf(settings as BatchSettings, [], lines, { ...checks, faults }),
  };
}

interface ReadLine {
  readonly line: BodyLine;
  readonly value: unknown;
}

async function* itemsOf(
  settings: BatchSettings,
  begun: readonly ReadLine[],
  lines: AsyncGenerator<BodyLine>,
  { job: faultsOf, onEnd, faults }: LineChecks & { readonly faults: LineFaults },
): AsyncGenerator<RequestedItem> {
  let count = 0;
  const item = ({ line: { number }, value }: ReadLine): RequestedItem | undefined => {
    if (value === undefined) return undefined;
    if (++count > MAX_BATCH_ITEMS) throw tooMany();
    if (!isObject(value)) {
      faults.add(number, [{ pointer: '', detail: 'a job must be an object', unknownOption: false }]);
      return undefined;
    }
    const request = withBatchSettings(settings, value) as JobRequest;
    const position = { pointer: '', shown: `line ${number}`, line: number };
    const wrong = faultsOf(request);
    faults.add(number, wrong);
    if (wrong.length > 0) return undefined;
    const more = jobFaults(request, position);
    faults.addFaults(more);
    // If the batch will be refused, no further items are written.
    return faults.count > 0 ? undefined : { request, position };
  };
  for (const one of begun) {
    const first = item(one);
    if (first) yield first;
  }
  for await (const line of lines) {
    const next = item({ line, value: readLine(line, faults) });
    if (next) yield next;
  }
  await onEnd();
  faults.check();
}

/** The JSON of a line; undefined if it has a fault, which is noted. */
function readLine({ number, bytes }: BodyLine, faults: LineFaults): unknown {
  try {
    if (bytes !== undefined) return readRequestJson(bytes);
    faults.add(number, [
      { pointer: '', detail: `it is longer than ${MAX_LINE_BYTES} bytes`, unknownOption: false },
    ]);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { pointer = '' } = error.context as { readonly pointer?: string };
    const detail = error.message
      .replace(/^The request /, 'it ')
      .replace(/^In the request, /, '')
      .replace(/\.$/, '');
    faults.add(number, [{ pointer, detail, unknownOption: false }]);
  }
  return undefined;
}

/** The faults of the lines: the first ones, and their number. */
class LineFaults {
  count = 0;
  private readonly kept: Fault[] = [];

  add(line: number, faults: readonly Fault[], pointer = ''): void {
    this.addFaults(
      faults.map((fault) => ({
        ...fault,
        ...{ line, pointer: pointer + fault.pointer, detail: `line ${line}: ${fault.detail}` },
      })),
    );
  }

  /** Adds faults that already name their line. */
  addFaults(faults: readonly Omit<Fault, 'unknownOption'>[]): void {
    this.count += faults.length;
    const room = MAX_REPORTED - this.kept.length;
    this.kept.push(...faults.slice(0, room).map((fault) => ({ unknownOption: false, ...fault })));
  }

  /** @throws AppError VALIDATION_FAILED, UNKNOWN_OPTION */
  check(): void {
    if (this.count > 0) throw invalidFaults(this.kept, MAX_REPORTED, this.count);
  }
}

const tooMany = (): AppError => {
  const detail = `The body has more than ${MAX_BATCH_ITEMS} jobs`;
  return invalidField('', detail);
};
