import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isSampled, parseTraceContext, spanIdOf, traceIdOf } from '../../src/tracing/trace-context.ts';
import fc from '../fast-check.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN_ID = '00f067aa0ba902b7';

describe('parseTraceContext', () => {
  it('reads everything that the standard allows', () => {
    const context = parseTraceContext(`00-${TRACE_ID}-${SPAN_ID}-01`, 'a=1,b=2')!;
    assert.deepEqual(context, { traceparent: `00-${TRACE_ID}-${SPAN_ID}-01`, tracestate: 'a=1,b=2' });
    assert.deepEqual([traceIdOf(context), spanIdOf(context), isSampled(context)], [TRACE_ID, SPAN_ID, true]);
    assert.equal(isSampled(parseTraceContext(`00-${TRACE_ID}-${SPAN_ID}-00`)!), false);
    assert.equal(isSampled(parseTraceContext(`00-${TRACE_ID}-${SPAN_ID}-03`)!), true);
  });

  it('reads later versions as far as possible', () => {
    for (const later of [`cc-${TRACE_ID}-${SPAN_ID}-01`, `cc-${TRACE_ID}-${SPAN_ID}-01-what-will-be`])
      assert.deepEqual(parseTraceContext(later), { traceparent: `00-${TRACE_ID}-${SPAN_ID}-01` });
  });

  it('accepts nothing else', () => {
    const wrong = [
      undefined,
      ['00', TRACE_ID],
      '',
      TRACE_ID,
      `00-${TRACE_ID}-${SPAN_ID}`,
      `00-${TRACE_ID}-${SPAN_ID}-01-more`,
      `00-${TRACE_ID}-${SPAN_ID}-01 `,
      `cc-${TRACE_ID}-${SPAN_ID}-01.more`,
      `ff-${TRACE_ID}-${SPAN_ID}-01`,
      `00-${TRACE_ID.toUpperCase()}-${SPAN_ID}-01`,
      `00-${'0'.repeat(32)}-${SPAN_ID}-01`,
      `00-${TRACE_ID}-${'0'.repeat(16)}-01`,
      `00-${TRACE_ID}-${SPAN_ID}-0g`,
    ];
    for (const one of wrong) assert.equal(parseTraceContext(one), undefined, String(one));
    fc.assert(fc.property(fc.string(), (text) => assert.equal(parseTraceContext(text), undefined)));
  });

  it('ignores a tracestate that is too long or not a header', () => {
    const traceparent = `00-${TRACE_ID}-${SPAN_ID}-01`;
    for (const state of ['a='.padEnd(513, 'x'), 'a=\n', 'ä=1', ['a=1'], undefined])
      assert.deepEqual(parseTraceContext(traceparent, state), { traceparent });
  });
});
