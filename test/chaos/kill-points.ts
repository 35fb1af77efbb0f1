import assert from 'node:assert/strict';
import { assertNoneLeft, jobsInRedis } from './leftovers.ts';
import type { Member } from './member.ts';
import { acknowledges, commits, contentOf, posts, putsContent } from './moments.ts';
import { type Accepted, submit } from './submitter.ts';
import { fixture, type SentUpload, uploadUntilAccepted } from './upload-until-accepted.ts';
import { S3_PREFIX, type WatchedFleet } from './watched-fleet.ts';

const LIMIT_MS = 180_000;
/** Of rank 8, so that the results of each lower rank differ in size. */
const SOURCE = { name: 'peft-gpt2-mycguo', rank: 8 };
const UPLOADS = ['peft-gpt2-niket', 'peft-mountain', 'peft-gpt2-deepbiolab'] as const;

/** A point that was reached, with the process that was killed. Times are milliseconds since 1970. */
interface Disturbed {
  readonly point: string;
  readonly killedMs: number;
}

export interface DisturbedUpload extends Disturbed, SentUpload {}

export interface DisturbedJob extends Disturbed {
  readonly jobId: string;
  /** The id that the client received in the end. */
  readonly accepted: Promise<Accepted>;
  readonly request: { readonly targets: readonly object[] };
  /** The state of its record in the database at that moment. */
  readonly state: State;
}

type State = 'queued' | 'active' | 'succeeded';

interface JobPoint {
  readonly ranks: readonly number[];
  readonly state: State;
  readonly moment: Promise<string>;
  /** Whether this is the intended moment. */
  readonly check?: (sentText: string) => Promise<void>;
  readonly victim?: Member;
  /** The processes to kill. Default: the victim alone. */
  readonly kill?: () => Promise<unknown>;
}

/**
 * Kills processes at each place where a crash may leave work half done. The processes need not cooperate:
 * proxies recognise the moment from what they send. Each point ends with a kill and a new start, without
 * waiting for the outcome.
 */
export class KillPoints {
  readonly uploads: DisturbedUpload[] = [];
  readonly jobs: DisturbedJob[] = [];
  private readonly watched: WatchedFleet;
  private readonly say: (line: string) => void;
  private readonly sourceId: string;

  private constructor(watched: WatchedFleet, say: (line: string) => void, sourceId: string) {
    this.watched = watched;
    this.say = say;
    this.sourceId = sourceId;
  }

  /** Kills at all points, one after the other. */
  static async kill(watched: WatchedFleet, say: (line: string) => void): Promise<KillPoints> {
    const { adapter } = await watched.client.upload(fixture(SOURCE.name).dir);
    await watched.webhook('/all', {});
    const points = new KillPoints(watched, say, adapter.id);
    await points.killApi();
    await watched.fleet.api.ready();
    // At these points the worker may be busy with another job, which must not be an accepted one, since that
    // would start again.
    await assertNoneLeft('jobs', () => watched.rows('select id from job where finished_at is null'));
    await points.killSending();
    // At these points it has only the job of the test.
    await points.killComputing();
    await points.killRecording();
    return points;
  }

  /** The API accepts a job, and uploads. */
  private async killApi(): Promise<void> {
    const { storage, database } = this.watched.wires.api;
    const { api } = this.watched.fleet;
    const accepted = database.hold('answer', commits('insert into "job"'));
    await this.job('accepted', { ranks: [1, 2], state: 'queued', moment: accepted, victim: api });
    const upload = async (point: string, name: string, moment: Promise<string>): Promise<string> => {
      const sent = await uploadUntilAccepted(api.url, name);
      const sentText = await this.reached(`upload: ${point}`, moment);
      this.uploads.push({ ...sent, point, killedMs: await killed(() => api.kill(), api) });
      return sentText;
    };
    const [first, second, third] = UPLOADS;
    const unwritten = storage.hold('request', putsContent(fixture(first).bytes));
    await this.assertWrite(await upload('write recorded', first, unwritten), false);
    const written = storage.hold('answer', putsContent(fixture(second).bytes));
    await this.assertWrite(await upload('bytes stored', second, written), true);
    const recorded = database.hold('answer', commits(fixture(third).sha256));
    await upload('adapter recorded', third, recorded);
  }

  /** The worker sends the end of a job to the receiver. */
  private async killSending(): Promise<void> {
    const { toReceiver, receiver } = this.watched;
    for (const [held, point] of [
      ['request', 'unsent'],
      ['answer', 'unanswered'],
    ] as const) {
      const path = `/${point}`;
      await this.watched.webhook(path, { point });
      await this.job(point, {
        ...{ ranks: [1], state: 'succeeded' },
        moment: toReceiver.hold(held, posts(path)),
        check: async () => {
          const heard = receiver.requests.filter((request) => request.path === path);
          assert.equal(heard.length, held === 'answer' ? 1 : 0, `requests of ${path}`);
        },
      });
    }
  }

  /** A compute process writes a result; it dies alone, or with its worker. */
  private async killComputing(): Promise<void> {
    const alone = async (): Promise<void> => {
      for (const { pid } of this.worker.computing()) process.kill(pid, 'SIGKILL');
    };
    const victims = [
      ['compute process', alone],
      ['worker', () => this.worker.killWithChildren()],
    ] as const;
    let rank = 0;
    for (const [whose, kill] of victims)
      for (const [held, place] of [
        ['request', 'write recorded'],
        ['answer', 'bytes stored'],
      ] as const) {
        rank++;
        // Its size distinguishes it from the results of jobs that are repeated meanwhile.
        const isPut = putsContent((fixture(SOURCE.name).bytes / SOURCE.rank) * rank);
        const moment = this.watched.wires.worker.storage.hold(held, isPut);
        const check = (sentText: string) => this.assertWrite(sentText, held === 'answer');
        await this.job(`${whose}: ${place}`, { ranks: [rank], state: 'active', moment, check, kill });
      }
  }

  /** The worker records the outcome, and reports it to BullMQ. */
  private async killRecording(): Promise<void> {
    const { database, redis } = this.watched.wires.worker;
    const ranks = [1, 2];
    for (const [held, point, state] of [
      ['request', 'outcome not committed', 'active'],
      ['answer', 'outcome committed', 'succeeded'],
    ] as const) {
      const others = this.jobs.map(({ jobId }) => jobId);
      const moment = database.hold(held, commits('insert into "adapter"', others));
      await this.job(point, { ranks, state, moment });
    }
    const known = await this.watched.rows<{ id: string }>('select id from execution');
    const moment = redis.hold('request', acknowledges(new Set(known.map(({ id }) => id))));
    const check = async () =>
      assert.notDeepEqual(await jobsInRedis(this.watched.fleet.redisPort), [], 'BullMQ still has it');
    await this.job('outcome not acknowledged', { ranks, state: 'succeeded', moment, check });
  }

  private get worker(): Member {
    return this.watched.fleet.workers[0]!;
  }

  /** Submits a job, waits for the moment and kills the process. */
  private async job(
    point: string,
    { ranks, state, moment, check, victim = this.worker, kill = () => victim.kill() }: JobPoint,
  ): Promise<void> {
    const request = {
      ...{ kind: 'squeeze', adapter_id: this.sourceId, labels: { point } },
      ...{ targets: ranks.map((rank) => ({ rank })), options: { seed: this.jobs.length + 1 } },
    };
    const accepted = submit(this.watched.fleet.api.url, point, request, Date.now() + LIMIT_MS);
    // Awaited by the code that checks the outcome.
    accepted.catch(() => undefined);
    const sentText = await this.reached(point, moment);
    const [job] = await this.watched.rows<{ id: string; state: string; outcome: string }>(
      'select id, state, outcome from job where labels = $1',
      JSON.stringify({ point }),
    );
    assert.ok(job, `${point}: there is no such job`);
    assert.equal(job.state, state, `${point}: ${job.outcome}`);
    await check?.(sentText);
    const killedMs = await killed(kill, victim);
    this.jobs.push({ point, jobId: job.id, accepted, request, state, killedMs });
  }

  private reached(point: string, moment: Promise<string>): Promise<string> {
    return new Promise((resolve, reject) => {
      const never = () => reject(new Error(`the moment never came: ${point}`));
      const timer = setTimeout(never, LIMIT_MS);
      void moment.then((sentText) => {
        clearTimeout(timer);
        this.say(point);
        resolve(sentText);
      });
    });
  }

  /** The write is recorded but not completed; its bytes may or may not be there. */
  private async assertWrite(sentText: string, isStored: boolean): Promise<void> {
    const key = contentOf(sentText);
    const id = key.slice(key.lastIndexOf('/') + 1);
    const write = id.slice(0, id.lastIndexOf('-'));
    const count = async (query: string, value: string) => (await this.watched.rows(query, value)).length;
    assert.equal(await count('select 1 from content_write where id = $1', write), 1, `${write} is recorded`);
    assert.equal(await count('select 1 from content where id = $1', id), 0, `${id} is no content yet`);
    const there = await this.watched.witness.objects(`${S3_PREFIX}/${key}`);
    assert.equal(there.length, isStored ? 1 : 0, `objects of ${key}`);
  }
}

/** Kills the processes, and starts those that have ended. @returns when they were killed */
async function killed(kill: () => Promise<unknown>, member: Member): Promise<number> {
  await kill();
  const killedMs = Date.now();
  if (!member.isRunning) member.launch();
  return killedMs;
}
