import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readArguments } from '../../src/cli/command.ts';
import { UsageError } from '../../src/cli/command-error.ts';
import { SQUEEZE } from '../../src/cli/squeeze-command.ts';
import { optionName, readMethod, readTargets } from '../../src/cli/squeeze-fields.ts';
import { commandUsage } from '../../src/cli/usage.ts';
import { SqueezeOptions } from '../../src/contract/job-request.ts';
import { FormatOptions, POLICIES, TargetFields } from '../../src/contract/target.ts';

const target = (...args: string[]) => readTargets(readArguments(SQUEEZE, args).values)[0]!;
const method = (...args: string[]) => readMethod(readArguments(SQUEEZE, args).values);

const refuses = (args: string[], words: RegExp): void =>
  assert.throws(
    () => target(...args),
    (error) => error instanceof UsageError && words.test(error.message),
    args.join(' '),
  );

describe('the options of squeeze', () => {
  it('cover all fields of a target and of its method, and the help describes each', () => {
    const fields = new Set([
      ...Object.keys(TargetFields.properties),
      ...Object.keys(FormatOptions.properties),
      ...Object.keys(SqueezeOptions.properties),
    ]);
    // Its own fields are options themselves.
    fields.delete('format_options');
    // --name, --label and --expires-in set this.
    fields.delete('results');
    const help = commandUsage(SQUEEZE);
    assert.ok(fields.size >= 21);
    for (const field of fields)
      assert.match(help, new RegExp(`^ {2}--${optionName(field)}( |$)`, 'm'), field);
    for (const line of help.split('\n')) assert.ok(line.length <= 110, line);
  });

  it('can express every policy', () => {
    const examples: Record<(typeof POLICIES)[number], [string[], unknown]> = {
      rank: [['--rank', '4'], 4],
      energy: [['--energy', '0.9'], 0.9],
      ratio: [['--ratio=10'], 10],
      cumulative: [['--cumulative', '0.8'], 0.8],
      knee: [['--knee'], true],
      tolerance: [['--tolerance', '0.3'], 0.3],
      budget_bytes: [['--budget-bytes', '1000000'], 1_000_000],
      budget_parameters: [['--budget-parameters', '400000'], 400_000],
      rank_pattern: [
        ['--rank-pattern', 'c_attn=6', '--rank-pattern', '.*\\.(0|1)=x=2'],
        { c_attn: 6, '.*\\.(0|1)=x': 2 },
      ],
    };
    for (const policy of POLICIES) {
      const [args, value] = examples[policy];
      assert.deepEqual(target(...args), { [policy]: value });
    }
    assert.deepEqual(target('--profile', 'vllm'), { profile: 'vllm' });
  });

  it('apply kohya’s ranks to the policies that kohya has, and to no others', () => {
    assert.deepEqual(target('--ratio', '4', '--compat', 'kohya'), { ratio: 4, compat: 'kohya' });
    refuses(
      ['--rank', '4', '--compat', 'kohya'],
      /--compat can only be used with --energy or --ratio or --cumulative/,
    );
    refuses(['--ratio', '4', '--compat', 'peft'], /--compat is "peft" but must be/);
  });

  it('apply a criterion to budgets, and to nothing else', () => {
    assert.deepEqual(target('--budget-bytes', '9000', '--criterion', 'energy'), {
      budget_bytes: 9000,
      criterion: 'energy',
    });
    refuses(
      ['--rank', '4', '--criterion', 'energy'],
      /--criterion can only be used with --budget-bytes or --budget-parameters/,
    );
    refuses(['--profile', 'vllm', '--criterion', 'energy'], /--criterion can only be used with/);
    refuses(['--budget-bytes', '9000', '--criterion', 'size'], /--criterion is "size" but must be/);
  });

  it('can express a conversion, which needs no policy', () => {
    assert.deepEqual(target('--format', 'kohya'), { format: 'kohya' });
    const args = '--format gguf --architecture llama --heads 32 --kv-heads 8 --base-model some/model';
    assert.deepEqual(target(...args.split(' ')), {
      format: 'gguf',
      format_options: { architecture: 'llama', heads: 32, kv_heads: 8, base_model: 'some/model' },
    });
    assert.deepEqual(target('--rank', '4', '--format', 'diffusers', '--component', 'unet'), {
      rank: 4,
      format: 'diffusers',
      format_options: { component: 'unet' },
    });
    refuses(['--component', 'unet'], /choose the rank/);
    refuses(['--format', 'onnx'], /--format is "onnx"/);
    refuses(['--format', 'gguf', '--heads', '0'], /--heads is "0"/);
  });

  it('can express every other field of a target', () => {
    const args =
      '--rank 4 --min-rank 2 --max-rank 6 --no-uniform --profile peft --scale keep --split b --dtype float16 --revive --projections';
    assert.deepEqual(target(...args.split(' ')), {
      rank: 4,
      min_rank: 2,
      max_rank: 6,
      uniform: false,
      profile: 'peft',
      scale: 'keep',
      split: 'b',
      dtype: 'float16',
      revive: true,
      projections: true,
    });
    assert.equal(target('--rank', '4', '--uniform').uniform, true);
  });

  it('set the method, but only if one is given', () => {
    assert.equal(method('--rank', '4'), undefined);
    assert.deepEqual(
      method('--method', 'exact', '--oversampling', '0', '--power-iterations', 'auto', '--seed', '7'),
      { method: 'exact', oversampling: 0, power_iterations: 'auto', seed: 7 },
    );
  });

  it('are refused if they contain too little or too much', () => {
    refuses([], /choose the rank with one of --rank, --energy,.*, --profile or --format/);
    refuses(['--no-knee'], /choose the rank/);
    refuses(['--max-rank', '8'], /choose the rank/);
    refuses(['--rank', '4', '--knee'], /--rank and --knee cannot be used together/);
    refuses(['--rnak', '4'], /^Unknown option '--rnak'$/);
    refuses(['--rank'], /'--rank <value>' argument missing/);
    refuses(['--knee=yes'], /knee.*does not take an argument/);
    refuses(['--rank-pattern', '=4'], /"=4" but must be PATTERN=N/);
    refuses(['--rank-pattern', 'q_proj'], /PATTERN=N/);
    refuses(['--rank-pattern', 'q_proj=0'], /--rank-pattern q_proj is "0"/);
    refuses(['--rank-pattern', 'q=1', '--rank-pattern', 'q=2'], /"q" twice/);
  });
});
