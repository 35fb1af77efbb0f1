import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { commandLine, descendantsOf, isAlive, type ProcessIdentity } from '../e2e/process-tree.ts';
import { SERVICE_ENTRY } from '../entry.ts';
import { freePort } from '../free-port.ts';
import { until } from '../queue/harness.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const START_LIMIT_MS = 300_000;
const LOG_TAIL_CHARACTERS = 200_000;

/** How the service is run: from source by tsx, or built by `npm run build`. */
const ENTRIES = { source: SERVICE_ENTRY, built: ['dist/main.js'] } as const;
export type Entry = keyof typeof ENTRIES;

export interface MemberOptions {
  readonly role: 'api' | 'worker' | 'all';
  readonly entry: Entry;
  /** The folder of a service that is built already, if it is not this repository. */
  readonly app?: string;
  readonly env: Readonly<Record<string, string>>;
}

/** One process of the service that may be killed and started again, always with the same address. */
export class Member {
  private child: ChildProcess | undefined;
  private text = '';
  /** Every process that it or a child of it ever was: none of them may be left at the end. */
  readonly everyProcess: ProcessIdentity[] = [];

  readonly options: MemberOptions;
  readonly port: number;

  private constructor(options: MemberOptions, port: number) {
    this.options = options;
    this.port = port;
  }

  /** Reserves a port and starts; it need not be ready yet. */
  static async start(options: MemberOptions): Promise<Member> {
    const member = new Member(options, await freePort());
    member.launch();
    return member;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.running().pid!;
  }

  get isRunning(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** The last part of the output of all its processes so far. */
  log(): string {
    return this.text;
  }

  launch(): void {
    assert.ok(!this.isRunning);
    const { role, entry, app, env } = this.options;
    const { PATH, HOME, TMPDIR } = process.env;
    const own = { ROLE: role, HOST: '127.0.0.1', PORT: String(this.port), EXECUTION_PROVIDER: 'cpu' };
    const child = spawn(process.execPath, ENTRIES[app === undefined ? entry : 'built'], {
      cwd: app ?? ROOT,
      env: { PATH, HOME, TMPDIR, COMPUTE_THREADS: '1', ...own, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        this.text = (this.text + chunk).slice(-LOG_TAIL_CHARACTERS);
      });
    }
    const killWithUs = () => child.kill('SIGKILL');
    process.once('exit', killWithUs);
    child.once('exit', () => process.removeListener('exit', killWithUs));
  }

  /** Waits until it reports that it is ready. */
  async ready(): Promise<void> {
    await until(
      `a ready ${this.options.role}`,
      async () => {
        assert.ok(this.isRunning, `the ${this.options.role} ended:\n${this.text}`);
        return (await this.readiness())?.body.includes('"status":"ready"') || undefined;
      },
      START_LIMIT_MS,
    );
  }

  /** The response of /readyz; undefined if it does not answer. */
  async readiness(): Promise<{ readonly status: number; readonly body: string } | undefined> {
    try {
      const response = await fetch(`${this.url}/readyz`);
      return { status: response.status, body: await response.text() };
    } catch {
      return undefined;
    }
  }

  /** The processes that compute its jobs, once one was started. */
  computing(): ProcessIdentity[] {
    if (!this.isRunning) return [];
    return descendantsOf(this.pid).filter((one) => commandLine(one).includes('node_modules/bullmq/'));
  }

  /** SIGKILL to the process alone; its children must notice. @returns those children */
  async kill(): Promise<ProcessIdentity[]> {
    const child = this.running();
    const children = descendantsOf(child.pid!);
    this.everyProcess.push(...children);
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    return children;
  }

  /** SIGKILL to the process and all its children, as when a machine dies. */
  async killWithChildren(): Promise<void> {
    const child = this.running();
    const children = descendantsOf(child.pid!);
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    for (const one of children) if (isAlive(one)) process.kill(one.pid, 'SIGKILL');
    await ended;
  }

  /** SIGTERM. @returns the exit code */
  async stop(): Promise<number | null> {
    if (!this.isRunning) return this.child?.exitCode ?? null;
    const child = this.running();
    this.everyProcess.push(...descendantsOf(child.pid!));
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const [code] = await ended;
    return code as number | null;
  }

  private running(): ChildProcess {
    assert.ok(this.child && this.isRunning, `the ${this.options.role} does not run:\n${this.text}`);
    return this.child;
  }
}
