import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, type ProcessIdentity } from '../e2e/process-tree.ts';
import type { Fleet } from './fleet.ts';
import { busyProcesses } from './leftovers.ts';
import type { Member } from './member.ts';
import type { TcpFault } from './tcp-fault-proxy.ts';

const KILLS = ['compute', 'worker', 'redis', 'postgres', 'api'] as const;
type Kill = (typeof KILLS)[number];
const FAULTS = ['refuse', 'blackhole', 'latency', 'cut', 'lose'] as const satisfies readonly TcpFault[];

/** `full`: Redis has no free memory for a while. */
type Deed = Kill | TcpFault | 'full';

/**
 * The faults of one round, which are shuffled. Most work is computing, so compute processes are hit most
 * often.
 */
export const DECK: readonly Deed[] = [
  'compute',
  'compute',
  'worker',
  'redis',
  'postgres',
  'api',
  'full',
  ...FAULTS,
];

/** A compute process notices the end of its worker at once, but the kernel may be busy. */
const ORPHAN_LIMIT_MS = 60_000;
const BUSY_LIMIT_MS = 2_000;
/** A job of the chaos test takes some tenths of a second. */
const IN_THE_MIDDLE_MS = 150;

export interface MonkeyOptions {
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** It continues until it has killed this often. */
  readonly kills: number;
  /** The mean pause between two faults, in milliseconds. */
  readonly pauseMs: number;
  readonly say: (line: string) => void;
}

/**
 * Kills processes of a fleet and breaks its connections at random. The processes that it kills are started
 * again.
 */
export class Monkey {
  readonly killed: Record<Kill, number> = {
    compute: 0,
    worker: 0,
    redis: 0,
    postgres: 0,
    api: 0,
  };
  readonly broke: Record<(typeof FAULTS)[number] | 'full', number> = {
    refuse: 0,
    blackhole: 0,
    latency: 0,
    cut: 0,
    lose: 0,
    full: 0,
  };
  /** Compute processes that outlived their worker. */
  readonly orphans: ProcessIdentity[] = [];
  /** It waits for a job that it can disturb. */
  wantsWork = false;
  private readonly comingBack = new Map<Member, Promise<void>>();

  private readonly fleet: Fleet;
  private readonly options: MonkeyOptions;

  constructor(fleet: Fleet, options: MonkeyOptions) {
    this.fleet = fleet;
    this.options = options;
  }

  get kills(): number {
    return Object.values(this.killed).reduce((sum, count) => sum + count, 0);
  }

  /** Continues until it has killed as often as required, and every process it killed is running again. */
  async run(): Promise<void> {
    let deck: Deed[] = [];
    while (this.kills < this.options.kills) {
      if (deck.length === 0) deck = this.shuffled(DECK);
      await this.perform(deck.pop()!);
      await sleep(2 * this.options.pauseMs * this.options.random());
    }
    this.fleet.proxy.fault = 'none';
    await Promise.all(this.comingBack.values());
  }

  private async perform(what: Deed): Promise<void> {
    if (what === 'compute') return this.killCompute();
    if (what === 'redis') return this.killRedis();
    if (what === 'postgres') return this.killPostgres();
    if (what === 'full') return this.fillRedis();
    if (what === 'api') return this.killMember('api', [this.fleet.api]);
    if (what === 'worker') return this.killWorker();
    if (what !== 'none') return this.breakFor(what);
  }

  /** Kills it while it computes, if there is a job to compute. */
  private async killCompute(): Promise<void> {
    await this.untilBusy();
    const busy = busyProcesses(this.fleet.storageDir);
    const all = this.fleet.workers.flatMap((worker) => worker.computing());
    const victim = all.find(({ pid }) => busy.has(pid)) ?? this.oneOf(all);
    if (!victim || !isAlive(victim)) return;
    process.kill(victim.pid, 'SIGKILL');
    this.did('compute');
  }

  private async killWorker(): Promise<void> {
    await this.untilBusy();
    const busy = busyProcesses(this.fleet.storageDir);
    const atWork = this.fleet.workers.filter((worker) => worker.computing().some(({ pid }) => busy.has(pid)));
    return this.killMember('worker', atWork.length > 0 ? atWork : this.fleet.workers);
  }

  private async untilBusy(): Promise<void> {
    this.wantsWork = true;
    const deadline = Date.now() + BUSY_LIMIT_MS;
    while (busyProcesses(this.fleet.storageDir).size === 0 && Date.now() < deadline) await sleep(5);
    this.wantsWork = false;
    await sleep(IN_THE_MIDDLE_MS * this.options.random());
  }

  private async killRedis(): Promise<void> {
    await this.fleet.killRedis();
    this.did('redis');
    await sleep(1_500 * this.options.random());
    await this.fleet.restartRedis();
  }

  private async killPostgres(): Promise<void> {
    await this.fleet.killPostgres();
    this.did('postgres');
    await sleep(1_500 * this.options.random());
    await this.fleet.restartPostgres();
  }

  private async fillRedis(): Promise<void> {
    await this.fleet.limitRedis(1);
    await sleep(500 + 1_500 * this.options.random());
    await this.fleet.limitRedis(0);
    this.broke.full++;
    this.options.say('redis: full');
  }

  /** A process that is running; the others are starting again. */
  private async killMember(kind: 'api' | 'worker', members: readonly Member[]): Promise<void> {
    const victim = this.oneOf(members.filter((member) => !this.comingBack.has(member)));
    if (!victim) return;
    const children = await victim.kill();
    this.did(kind);
    this.comingBack.set(victim, this.bringBack(victim, children));
  }

  private async bringBack(member: Member, children: readonly ProcessIdentity[]): Promise<void> {
    member.launch();
    const deadline = Date.now() + ORPHAN_LIMIT_MS;
    while (children.some(isAlive) && Date.now() < deadline) await sleep(50);
    this.orphans.push(...children.filter(isAlive));
    // Redis may be away for a while, so readiness is not required; it is enough that the process answers.
    while ((await member.readiness()) === undefined) await sleep(100);
    this.comingBack.delete(member);
  }

  private async breakFor(fault: (typeof FAULTS)[number]): Promise<void> {
    const { proxy } = this.fleet;
    const before = proxy.broken;
    proxy.fault = fault;
    await sleep(500 + 1_500 * this.options.random());
    proxy.fault = 'none';
    if ((fault === 'cut' || fault === 'lose') && proxy.broken === before) return;
    this.broke[fault]++;
    this.options.say(`proxy: ${fault}`);
  }

  private did(kind: Kill): void {
    this.killed[kind]++;
    this.options.say(`killed ${kind} (${this.kills})`);
  }

  private oneOf<T>(all: readonly T[]): T | undefined {
    return all[Math.floor(all.length * this.options.random())];
  }

  private shuffled<T>(all: readonly T[]): T[] {
    const left = [...all];
    for (let i = left.length - 1; i > 0; i--) {
      const j = Math.floor((i + 1) * this.options.random());
      [left[i], left[j]] = [left[j]!, left[i]!];
    }
    return left;
  }
}
