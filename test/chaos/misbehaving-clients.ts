import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { readAdapterFiles } from '../e2e/client.ts';
import { fixtureAdapters } from '../e2e/fixtures.ts';
import { multipartOf, part, postHead } from '../http/raw-request.ts';

const DRIP_MS = 100;

/**
 * Clients that behave badly all the time: one breaks uploads off at random bytes, the other sends single
 * bytes.
 */
export class MisbehavingClients {
  aborted = 0;
  dripped = 0;
  private readonly rounds: Promise<void>[];
  private readonly body: Buffer;
  private isStopped = false;

  private readonly port: number;
  private readonly random: () => number;

  constructor(port: number, random: () => number) {
    this.port = port;
    this.random = random;
    const { weights, config } = readAdapterFiles(fixtureAdapters()[0]!.dir);
    this.body = multipartOf(
      part('adapter_model.safetensors', weights),
      part('adapter_config.json', Buffer.from(config)),
    );
    this.rounds = [this.abort(), this.drip()];
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await Promise.all(this.rounds);
  }

  private async abort(): Promise<void> {
    while (!this.isStopped) {
      const socket = await this.open();
      if (socket) {
        socket.write(this.head());
        socket.write(this.body.subarray(0, Math.floor(this.random() * this.body.byteLength)));
        await sleep(50 + 200 * this.random());
        socket.destroy();
        this.aborted++;
      }
      await sleep(300);
    }
  }

  private async drip(): Promise<void> {
    while (!this.isStopped) {
      const socket = await this.open();
      if (socket) {
        socket.write(this.head());
        for (let at = 0; at < 50 && !this.isStopped && !socket.destroyed; at++) {
          socket.write(this.body.subarray(at, at + 1));
          this.dripped++;
          await sleep(DRIP_MS);
        }
        socket.destroy();
      }
      await sleep(DRIP_MS);
    }
  }

  private head(): string {
    return postHead('/v1/adapters', [`Content-Length: ${this.body.byteLength}`]);
  }

  private open(): Promise<Socket | undefined> {
    return new Promise((resolve) => {
      const socket = connect(this.port, '127.0.0.1', () => resolve(socket));
      socket.on('error', () => resolve(undefined));
      // The content of a response is ignored, but it must be received.
      socket.resume();
    });
  }
}
