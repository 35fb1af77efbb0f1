import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RecordedJobRequest } from '../../../src/contract/job-request.ts';
import { NAME_TEMPLATES, type ResultSettings } from '../../../src/contract/result-settings.ts';
import { nameTemplateFault } from '../../../src/http/pattern-faults.ts';
import {
  type ResultFacts,
  resultSettings,
  withoutResults,
} from '../../../src/resources/jobs/result-settings.ts';
import fc, { anyCharacter } from '../../fast-check.ts';

const FACTS: ResultFacts = {
  sourceNames: ['support-chat'],
  rank: { min: 8, max: 8 },
  defaultTtlSeconds: 3600,
};
const [OF_RESULT, OF_IMPORT] = NAME_TEMPLATES.map(({ pattern }) => pattern);

const squeeze = (
  results?: ResultSettings,
  ...ofTargets: (ResultSettings | undefined)[]
): RecordedJobRequest => ({
  kind: 'squeeze',
  adapter_id: 'ad_1',
  targets: (ofTargets.length > 0 ? ofTargets : [undefined]).map((own) => ({
    rank: 8,
    ...(own && { results: own }),
  })),
  ...(results && { results }),
});
const named = (name: string, facts: Partial<ResultFacts> = {}, target = 0): string =>
  resultSettings(squeeze({ name }, {}, {}), target, { ...FACTS, ...facts }).name;

describe('the settings of results', () => {
  it('have the defaults if nothing is specified', () => {
    const kept = { name: 'support-chat-r8', labels: {}, ttlSeconds: 3600 };
    assert.deepEqual(resultSettings(squeeze(), 0, FACTS), kept);
    const forever = { ...FACTS, defaultTtlSeconds: undefined };
    assert.equal(resultSettings(squeeze(), 0, forever).ttlSeconds, undefined);
  });

  it('are those of the target, else of the job, field by field; labels count as one field', () => {
    const request = squeeze(
      { name: '{source}-small', labels: { team: 'search', env: 'test' }, ttl_seconds: 60 },
      { name: 'served-{target}', labels: { env: 'prod' } },
      { ttl_seconds: 120 },
      { labels: {} },
    );
    const kept = [0, 1, 2].map((target) => resultSettings(request, target, FACTS));
    assert.deepEqual(kept, [
      { name: 'served-0', labels: { env: 'prod' }, ttlSeconds: 60 },
      { name: 'support-chat-small', labels: { team: 'search', env: 'test' }, ttlSeconds: 120 },
      { name: 'support-chat-small', labels: {}, ttlSeconds: 60 },
    ]);
  });

  it('of an import apply to what it fetches, and those of a squeeze only to its results', () => {
    const results = { name: 'hub/{source} of rank {rank}', labels: { from: 'hub' }, ttl_seconds: 60 };
    const source = { kind: 'hub', repo: 'team/x', endpoint: 'https://hub.test' } as never;
    const facts = { ...FACTS, rank: { min: 4, max: 16 } };
    assert.deepEqual(resultSettings({ kind: 'import', source, results }, null, facts), {
      name: 'hub/support-chat of rank 4-16',
      labels: { from: 'hub' },
      ttlSeconds: 60,
    });
    const kept = { name: 'support-chat', labels: {}, ttlSeconds: 3600 };
    assert.deepEqual(resultSettings({ kind: 'import', source }, null, facts), kept);
    const { adapter_id: _here, ...asked } = squeeze(results) as Extract<
      RecordedJobRequest,
      { kind: 'squeeze' }
    >;
    assert.deepEqual(resultSettings({ ...asked, source }, null, facts), kept);
  });

  it('fill the placeholders of a name', () => {
    assert.equal(named('{source}/{rank}/{target}', {}, 1), 'support-chat/8/1');
    assert.equal(named('{rank}', { rank: { min: 4, max: 16 } }), '4-16');
    assert.equal(named('{source}', { sourceNames: ['a', 'b', 'c'] }), 'a+2');
    assert.equal(
      named('{source} {source}', { sourceNames: ['{rank}$&{source}'] }),
      '{rank}$&{source} {rank}$&{source}',
    );
  });

  it('shorten the name of the source if the whole would be too long', () => {
    const sourceNames = ['🦙'.repeat(200)];
    assert.equal(named('{source}-r{rank}', { sourceNames }), `${'🦙'.repeat(197)}-r8`);
    assert.equal(named('{source}+{source}', { sourceNames }), `${'🦙'.repeat(99)}+${'🦙'.repeat(99)}`);
    assert.equal(resultSettings(squeeze(), 0, { ...FACTS, sourceNames }).name, `${'🦙'.repeat(197)}-r8`);
    assert.equal(named('{rank}'.repeat(33), { rank: { min: 10_000, max: 20_000 } }).length, 200);
  });

  it('give a valid name from the source and the template, whatever the template', () => {
    const text = (maxLength: number) =>
      fc.string({ minLength: 1, maxLength, unit: anyCharacter }).map((any) => any.replace(/\p{Cc}/gu, 'x'));
    const plain = text(40).map((any) => any.replace(/[{}]/g, 'x'));
    const piece = fc.oneof(plain, fc.constantFrom('{source}', '{rank}', '{target}'));
    const template = fc
      .array(piece, { minLength: 1, maxLength: 12 })
      .map((pieces) => pieces.join(''))
      .filter((pieces) => [...pieces].length <= 200);
    const name = text(200);
    const rank = fc.integer({ min: 1, max: 65_536 });
    fc.assert(
      fc.property(
        template,
        fc.array(name, { minLength: 1, maxLength: 4 }),
        rank,
        (asked, sourceNames, min) => {
          assert.match(asked, new RegExp(OF_RESULT!, 'u'));
          const filled = named(asked, { sourceNames, rank: { min, max: min + 1 } });
          assert.match(filled, /^\P{Cc}{1,200}$/u);
          if (!asked.includes('{')) assert.equal(filled, asked);
        },
      ),
    );
  });
});

describe('the template of a name', () => {
  const refused: [template: string, fault: RegExp, pattern?: string | undefined][] = [
    ['{sauce}', /has the placeholder "\{sauce\}"; the placeholders are \{source\}, \{rank\}, \{target\}/],
    ['{}', /has the placeholder "\{\}"/],
    ['{source', /has an unmatched brace/],
    ['rank}', /has an unmatched brace/],
    ['{{rank}}', /has an unmatched brace/],
    ['a\nb', /must not contain control characters/],
    ['{target}', /has the placeholder "\{target\}"; the placeholders are \{source\}, \{rank\}$/, OF_IMPORT],
  ];
  for (const [template, fault, pattern = OF_RESULT!] of refused) {
    it(`is refused: ${JSON.stringify(template)}`, () => {
      assert.doesNotMatch(template, new RegExp(pattern, 'u'));
      assert.match(nameTemplateFault(template, pattern)!, fault);
    });
  }

  it('does not match other patterns', () => assert.equal(nameTemplateFault('{x}', '^a$'), undefined));
});

describe('a request without the names of its results', () => {
  it('describes the same work', () => {
    const named = squeeze({ name: 'a' }, { name: 'b' }, undefined);
    assert.deepEqual(withoutResults(named), squeeze(undefined, undefined, undefined));
    assert.deepEqual(withoutResults({ kind: 'analyze', adapter_id: 'ad_1' }), {
      kind: 'analyze',
      adapter_id: 'ad_1',
    });
    assert.deepEqual(named, squeeze({ name: 'a' }, { name: 'b' }, undefined));
  });
});
