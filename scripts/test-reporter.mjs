// A reporter of node:test for scripts/run-tests.ts: a line of JSON for each test that ended, suites left out unless they
// failed by themselves.
import { inspect } from 'node:util';

/** @param {AsyncIterable<{ type: string, data: any }>} source */
export default async function* reporter(source) {
  /** Names of the tests that are being reported, from the outermost on. */
  const names = [];
  for await (const { type, data } of source) {
    if (type === 'test:start') names.splice(data.nesting, Number.POSITIVE_INFINITY, data.name);
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const error = data.details?.error;
    const isSuite = data.details?.type === 'suite';
    if (isSuite && (type === 'test:pass' ? data.skip === undefined : error?.failureType === 'subtestsFailed'))
      continue;
    const path = [...names.slice(0, data.nesting), data.name];
    const skip = data.skip === undefined ? undefined : String(data.skip);
    const failure = type === 'test:fail' ? inspect(error?.cause ?? error, { depth: 6 }) : undefined;
    yield `${JSON.stringify({ path, isSuite, skip, failure })}\n`;
  }
}
