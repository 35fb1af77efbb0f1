import { once } from 'node:events';
import { type ClientRequest, get, type IncomingMessage } from 'node:http';

export interface ReceivedEvent {
  readonly id?: string;
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever was sent
  readonly data: any;
}

/** A client of Server-Sent Events with a real connection, which can also stop reading or disappear. */
export class EventStream {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** Everything that arrived, in order. */
  readonly events: ReceivedEvent[] = [];
  comments = 0;
  retryMs: number | undefined;
  isEnded = false;
  private readonly request: ClientRequest;
  private readonly response: IncomingMessage;
  private text = '';
  private wake: (() => void) | undefined;

  private constructor(request: ClientRequest, response: IncomingMessage) {
    this.request = request;
    this.response = response;
    this.status = response.statusCode!;
    this.headers = response.headers;
    response.setEncoding('utf8').on('data', (text: string) => this.take(text));
    response.once('close', () => {
      this.isEnded = true;
      this.wake?.();
    });
    // Closed by one of the two sides.
    response.on('error', () => undefined);
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<EventStream> {
    const request = get(url, { headers, agent: false });
    request.on('error', () => undefined);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return new EventStream(request, response);
  }

  /** Waits until the condition holds for what arrived. */
  async until(isTrue: (stream: this) => boolean): Promise<void> {
    while (!isTrue(this)) {
      if (this.isEnded) throw new Error(`ended before, after ${this.ids.join(' ')}`);
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  async end(): Promise<void> {
    while (!this.isEnded) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  get ids(): string[] {
    return this.events.flatMap(({ id }) => id ?? []);
  }

  /** A summary of what arrived. */
  get summaries(): string[] {
    return this.events.map(({ id, event, data }) => `${id} ${event === 'state' ? data.state : data.phase}`);
  }

  stopReading(): void {
    this.response.pause();
  }

  goOnReading(): void {
    this.response.resume();
  }

  vanish(): void {
    this.request.destroy();
  }

  private take(text: string): void {
    this.text += text;
    for (let end = this.text.indexOf('\n\n'); end >= 0; end = this.text.indexOf('\n\n')) {
      const fields = this.text.slice(0, end).split('\n');
      this.text = this.text.slice(end + 2);
      const field = (name: string): string | undefined =>
        fields.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      if (field('retry') !== undefined) this.retryMs = Number(field('retry'));
      else if (fields.every((line) => line.startsWith(':'))) this.comments++;
      else {
        const id = field('id');
        const data = JSON.parse(field('data')!);
        this.events.push({ ...(id !== undefined && { id }), event: field('event')!, data });
      }
    }
    this.wake?.();
  }
}
