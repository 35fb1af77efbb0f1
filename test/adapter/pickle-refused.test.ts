import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { conversionAdvice, conversionCommand, pickleRefused } from '../../src/adapter/pickle-refused.ts';
import { readHeader } from '../../src/safetensors/safetensors-validator.ts';
import { refuseOtherFormats } from '../../src/safetensors/sniff.ts';
import { skipWithoutPython } from '../clients/python.ts';

/** Debian's Python, for which Debian installs its packages. */
const PYTHON = '/usr/bin/python3';

describe('a pickle', () => {
  it('is refused with a command on one line that names the file', () => {
    for (const name of ['lora.pt', 'adapter_model.bin', 'a.b_c-d.ckpt', 'X.PTH']) {
      const { code, message, context } = pickleRefused(name);
      assert.equal(code, 'PICKLE_REFUSED');
      assert.ok(message.includes(conversionCommand(name)) && !message.includes('\n'));
      assert.ok(message.includes(`torch.load('${name}'`), message);
      assert.match(message, /a dictionary of tensors by name; save a list or a whole checkpoint/);
      assert.equal(context.command, conversionCommand(name));
    }
    assert.match(conversionCommand('lora.pt'), /'lora\.safetensors'\)"$/);
  });

  it('with a hostile name puts nothing into the command that a shell or Python would interpret', () => {
    const usual = conversionCommand('adapter_model.bin');
    for (const name of [
      "x'; rm -rf ~; '.bin",
      '$(id).pt',
      '`id`.pt',
      'a b.bin',
      '-c.bin',
      '../x.bin',
      'x"y.pt',
      'a\n.pt',
      '',
      `${'x'.repeat(200)}.pt`,
    ])
      assert.equal(conversionCommand(name), usual, name);
    const { message } = pickleRefused(`${'x'.repeat(5000)}.bin`);
    assert.ok(message.length < 700);
  });

  it('is recognised by its content as well, and refused with the same command', () => {
    for (const head of ['\x80\x02}q\0', `${'PK\x03\x04'.padEnd(30, '\0')}archive/data.pkl`]) {
      const refuse = (): void => refuseOtherFormats(Buffer.from(head, 'latin1'));
      assert.throws(refuse, (error: Error) => error.message.includes(conversionAdvice('adapter_model.bin')));
    }
  });
});

describe('the command for converting a pickle', { skip: skipWithoutPython('torch', 'safetensors') }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'pickle-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const python = (...lines: readonly string[]): string =>
    execFileSync(PYTHON, ['-c', lines.join('\n')], { cwd: folder, encoding: 'utf8' });

  it('writes the tensors that torch saved as safetensors, including tensors that share memory or are transposed', async () => {
    python(
      'import torch',
      'a = torch.arange(12, dtype=torch.float32).reshape(3, 4)',
      "torch.save({'m.lora_A.weight': a, 'm.lora_B.weight': a.T, 'n.lora_A.weight': a.to(torch.bfloat16)}, 'my-lora.bin')",
    );
    // Users type `python`; Debian has it under another name.
    const command = conversionCommand('my-lora.bin').replace(/^python /, `${PYTHON} `);
    execFileSync('sh', ['-c', command], { cwd: folder, stdio: 'pipe' });
    const path = join(folder, 'my-lora.safetensors');
    const { tensors } = await readHeader(path);
    const bytes = readFileSync(path);
    const valuesOf = (name: string): [string, readonly number[], number[]] => {
      const { dtype, shape, beginByte, endByte } = tensors.find((tensor) => tensor.name === name)!;
      const data = bytes.subarray(beginByte, endByte);
      return [dtype, shape, Array.from({ length: data.length / 4 }, (_, i) => data.readFloatLE(4 * i))];
    };
    const rows = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
    assert.deepEqual(valuesOf('m.lora_A.weight'), ['F32', [3, 4], rows]);
    assert.deepEqual(valuesOf('m.lora_B.weight'), ['F32', [4, 3], [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]]);
    assert.equal(tensors.find(({ name }) => name === 'n.lora_A.weight')!.dtype, 'BF16');
  });

  it('refuses a list, and anything besides tensors, as the advice says, and runs no code of a pickle', () => {
    const files = ['list.pt', 'state.pt', 'bad.bin', 'good.pt'];
    const programs = files.map((name) => /^python -c "([^"$`\\]+)"$/.exec(conversionCommand(name))![1]!);
    // All in one process and without the shell, because importing torch takes seconds.
    const ended = python(
      'import json, os, pickle, torch',
      "torch.save([torch.zeros(2, 4), torch.zeros(4, 2)], 'list.pt')",
      "torch.save({'state': {'x': torch.zeros(2)}, 'step': 1}, 'state.pt')",
      'class Bad:',
      "  def __reduce__(self): return (os.mkdir, ('ran',))",
      "open('bad.bin', 'wb').write(pickle.dumps(Bad(), protocol=2))",
      "torch.save({'x': torch.zeros(2)}, 'good.pt')",
      'ended = []',
      `for program in json.loads(${JSON.stringify(JSON.stringify(programs))}):`,
      '  try: exec(program, {}); ended.append(None)',
      '  except Exception as error: ended.append(type(error).__name__)',
      'print(json.dumps(ended))',
    );
    const [list, state, bad, good] = JSON.parse(ended) as (string | null)[];
    assert.ok(list !== null && state !== null);
    assert.equal(bad, 'UnpicklingError');
    assert.equal(good, null);
    const made = readdirSync(folder).filter((name) =>
      /^(list|state|bad|good)\.safetensors$|^ran$/.test(name),
    );
    assert.deepEqual(made, ['good.safetensors']);
  });
});
