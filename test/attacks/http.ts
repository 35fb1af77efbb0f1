import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { assertNothingLeft, listKept } from '../e2e/data-folder.ts';
import { multipartOf, openSocket, parseResponse, part, postHead, readAll } from '../http/raw-request.ts';
import { CONFIG, tinyAdapter, WEIGHTS } from '../http/tiny-adapter.ts';
import type { AttackTarget } from './attack-target.ts';
import { attackFile, RAW_ATTACKS } from './corpus.ts';
import { cpuMs } from './cpu-time.ts';

const MAX_CPU_MS = 1_000;

/** Writes every request of the list to a socket unchanged. */
export function hostileHttp(attacked: AttackTarget): void {
  let seed = 0;
  // Creates the folders of the tenant.
  before(() => postGood());

  /** Sends bytes unchanged. @returns the bytes received until the service closed the connection */
  async function answers(bytes: Uint8Array, endsEarly = false): Promise<string> {
    const socket = await openSocket(attacked.port);
    socket.write(bytes);
    if (endsEarly) socket.end();
    return readAll(socket);
  }

  async function postGood(): Promise<void> {
    const { weights, config } = tinyAdapter(seed++);
    const body = multipartOf(part(CONFIG, config), part(WEIGHTS, weights));
    const head = postHead('/v1/adapters', [`Content-Length: ${body.length}`, 'Connection: close']);
    const { status, body: text } = parseResponse(await answers(Buffer.concat([Buffer.from(head), body])));
    assert.equal(status, 201, text);
  }

  for (const { file, what, status, codes, endsEarly } of RAW_ATTACKS) {
    it(`${file}: ${what}`, async () => {
      const kept = listKept(attacked.dataDir);
      const before = cpuMs(attacked.service.pid);
      const text = await answers(attackFile(file), endsEarly);
      const spent = cpuMs(attacked.service.pid) - before;
      assert.ok(spent < MAX_CPU_MS, `${spent} ms of CPU`);
      assert.equal(text.match(/^HTTP\/1\.1 /gm)?.length, 1, `one answer, nothing smuggled: ${text}`);
      const response = parseResponse(text);
      const problem = JSON.parse(response.body) as {
        code: string;
        status: number;
        detail: string;
        instance: string;
      };
      assert.ok((codes as readonly string[]).includes(problem.code), `${problem.code}: ${problem.detail}`);
      assert.deepEqual([response.status, problem.status], [status, status]);
      assert.equal(response.headers.get('content-type'), 'application/problem+json');
      assert.ok(problem.detail.length < 600, problem.detail);
      assert.equal(`urn:lora-squeeze:request:${response.headers.get('x-request-id')}`, problem.instance);
      await assertNothingLeft(attacked.dataDir, kept).catch((error: Error) => {
        error.message += `; the service wrote:\n${attacked.service.log()}`;
        throw error;
      });
      await postGood();
    });
  }
}
