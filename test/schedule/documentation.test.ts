import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Value } from 'typebox/value';
import { type Schedule, ScheduleRequest } from '../../src/contract/schedule.ts';
import { planSchedule } from '../../src/schedule/plan-schedule.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/schedules.md'), 'utf8');

/** The request that the page shows. */
const example = JSON.parse(/\/v1\/schedules -d '(\{[\s\S]+?\})'\n/.exec(page)![1]!) as ScheduleRequest;

/** The rows of the table with this heading. */
function rowsUnder(head: string): string[] {
  const lines = page.slice(page.indexOf(head)).split('\n').slice(2);
  return lines.slice(
    0,
    lines.findIndex((line) => !line.startsWith('|')),
  );
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

const stageRows = ({ stages }: Schedule): string[] =>
  stages.map(({ rank, begin_step, end_step, learning_rate, parameters, memory }) => {
    const { weights_bytes, gradients_bytes, optimizer_bytes } = memory!;
    const bytes = [weights_bytes, gradients_bytes, optimizer_bytes].map(megabytes).join(', ');
    const rate = `× ${learning_rate.factor.toFixed(2)}`;
    return `| ${rank} | ${begin_step} to ${end_step} | ${rate} | ${parameters!.toLocaleString('en')} | ${bytes} |`;
  });

function changeRow(change: string): string {
  const request = { ...example, ...(JSON.parse(change) as Partial<ScheduleRequest>) };
  assert.ok(Value.Check(ScheduleRequest, request), change);
  const { stages, squeezes, mean_rank, relative_cost } = planSchedule(request);
  const ranks = stages.map(({ rank }) => rank).join(', ');
  const steps = squeezes.map(({ step }) => step).join(', ');
  return `| \`${change}\` | ${ranks} | ${steps} | ${mean_rank.toFixed(1)} | ${(100 * relative_cost).toFixed(0)} % |`;
}

describe('docs/schedules.md', () => {
  it('states the real stages of its example', () => {
    assert.ok(Value.Check(ScheduleRequest, example));
    assert.deepEqual(rowsUnder('| rank | steps |'), stageRows(planSchedule(example)));
  });

  it('states what changes of the request do', () => {
    const rows = rowsUnder('| change | ranks |');
    const changes = rows.map((row) => /^\| `(.+?)` \|/.exec(row)![1]!);
    assert.deepEqual(rows, changes.map(changeRow));
    for (const shape of ['linear', 'cosine', 'custom']) {
      assert.ok(
        changes.some((change) => change.includes(`"${shape}"`)),
        shape,
      );
    }
  });
});
