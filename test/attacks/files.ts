import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { succeededResults } from '../../src/charts/succeeded-targets.ts';
import type { AdapterRecord } from '../../src/contract/adapter.ts';
import type { JobRecord } from '../../src/contract/job.ts';
import { ERROR_KINDS, type ErrorCode } from '../../src/errors/error-kinds.ts';
import { adapterForm, problemOf } from '../e2e/client.ts';
import { assertNothingLeft, listKept } from '../e2e/data-folder.ts';
import { residentBytes } from '../e2e/process-tree.ts';
import { makeAdapter, put } from '../http/uploads-tools.ts';
import { decodeTensor, parseSafetensors } from '../oracle/safetensors.ts';
import type { AttackTarget } from './attack-target.ts';
import { type AttackFiles, FILE_ATTACKS, type FileAttack, filesOf } from './corpus.ts';
import { cpuMs } from './cpu-time.ts';

const MAX_CPU_MS = 1_000;
const MAX_GROWTH_BYTES_A_ROUND = 20 * 1024 * 1024;
/** Only prevents hanging: the cost of a case is measured in CPU time. */
const HANG_MS = 300_000;
const ROUNDS = 2;
const CONTROL = filesOf({ file: 'config/g00_valid.json' });

/** Sends every file of the corpus in every way, and squeezes those that are accepted. */
export function hostileFiles(attacked: AttackTarget): void {
  /** Adapters that were accepted and must be squeezed. */
  const accepted = new Map<FileAttack, AdapterRecord>();
  // Creates the folders of the tenant, so that every later file that remains is one left behind.
  before(() => postGood());

  const post = (files: AttackFiles): Promise<Response> =>
    attacked.client.fetch('/v1/adapters', {
      method: 'POST',
      body: adapterForm(files),
      signal: AbortSignal.timeout(HANG_MS),
    });
  /** An upload like any other, but with content that was never sent before: each has another base model. */
  async function postGood(): Promise<void> {
    const config = { ...JSON.parse(String(CONTROL.config)), base_model_name_or_path: randomUUID() };
    const response = await post({ ...CONTROL, config: Buffer.from(JSON.stringify(config)) });
    assert.equal(response.status, 201, await response.text());
  }

  /** Checks a refusal against the manifest. */
  async function refused(response: Response, { file, codes }: FileAttack): Promise<void> {
    const { code, status, detail } = await problemOf(response);
    assert.ok((codes as readonly string[]).includes(code), `${file}: ${code} (${detail}), not ${codes}`);
    assert.equal(status, ERROR_KINDS[code as ErrorCode].status);
    assert.ok(status < 500 && detail.length < 1500, detail);
  }

  describe('uploaded with POST /v1/adapters', () => {
    for (const [index, attack] of FILE_ATTACKS.entries()) {
      it(`${attack.file}: ${attack.what}`, async () => {
        const kept = listKept(attacked.dataDir);
        const before = cpuMs(attacked.service.pid);
        const response = await post(filesOf(attack));
        const spent = cpuMs(attacked.service.pid) - before;
        assert.ok(spent < MAX_CPU_MS, `${spent} ms of CPU`);
        if (response.ok) {
          assert.ok(attack.status === 201 || attack.needsData, 'accepted');
          accepted.set(attack, (await response.json()) as AdapterRecord);
        } else {
          await refused(response, attack);
          await assertNothingLeft(attacked.dataDir, kept);
        }
        if (index % 10 === 9) await postGood();
      });
    }
  });

  it('uploads in parts are judged alike: first the file, then an adapter with it', async () => {
    const server = { fetch: (path: string, init?: RequestInit) => attacked.client.fetch(path, init) };
    for (const [index, attack] of FILE_ATTACKS.entries()) {
      const { weights, config } = filesOf(attack);
      const ids = [`attack-${index}-weights`, `attack-${index}-config`] as const;
      const puts = [
        () => put(server, ids[0], 'adapter_model.safetensors', weights),
        () => put(server, ids[1], 'adapter_config.json', config),
      ];
      // The hostile file comes first: if it is refused, sending the other one and creating an adapter would
      // show nothing.
      if (attack.file.startsWith('config/')) puts.reverse();
      let response = await puts[0]!();
      if (response.ok) {
        assert.ok((await puts[1]!()).ok);
        response = await makeAdapter(server, ids[0], ids[1]);
        for (const id of ids) await attacked.client.fetch(`/v1/uploads/${id}`, { method: 'DELETE' });
      }
      if (response.ok) assert.ok([...accepted.keys()].includes(attack), `${attack.file} was accepted`);
      else await refused(response, attack);
    }
  });

  it('accepted files can be squeezed to rank 1, and every number of the result is finite', async () => {
    assert.ok(accepted.size >= FILE_ATTACKS.filter(({ status }) => status === 201).length);
    for (const [attack, { id }] of accepted) {
      const job = await attacked.client.squeeze(id, [{ rank: 1 }]);
      if (job.state === 'failed') {
        assert.ok(attack.needsData, `${attack.file}: ${JSON.stringify(job.error)}`);
        assert.ok(attack.codes.includes(job.error!.code as ErrorCode), JSON.stringify(job.error));
        continue;
      }
      assert.equal(job.state, 'succeeded');
      assert.ok(attack.codes[0] !== 'NON_FINITE_WEIGHTS', `${attack.file} was squeezed`);
      await checkResult(attack, job);
    }
  });

  async function checkResult({ file }: FileAttack, job: JobRecord): Promise<void> {
    const result = succeededResults(job)[0]!;
    const bytes = await attacked.client.bytes(
      `/v1/adapters/${result.adapter_id}/files/adapter_model.safetensors`,
    );
    const { tensors } = parseSafetensors(bytes);
    for (const [name, tensor] of tensors) {
      if (!/lora_[AB]/.test(name)) continue;
      assert.ok(decodeTensor(tensor).every(Number.isFinite), `${file}: ${name}`);
      assert.ok(tensor.shape.includes(1), `${file}: ${name} is of ${tensor.shape}`);
    }
  }

  it('sending the whole corpus repeatedly does not increase memory', async () => {
    // The heap is stable by now: the tests above were two rounds.
    const before = residentBytes(attacked.service);
    for (let i = 0; i < ROUNDS; i++)
      for (const attack of FILE_ATTACKS) await (await post(filesOf(attack))).arrayBuffer();
    const growth = residentBytes(attacked.service) - before;
    assert.ok(
      growth < ROUNDS * MAX_GROWTH_BYTES_A_ROUND,
      `${growth / 2 ** 20} MiB more after ${ROUNDS} rounds`,
    );
    await postGood();
  });
}
