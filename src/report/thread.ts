/** Renders reports, one at a time, outside the thread that answers requests. Started by Renderer. */
import { parentPort } from 'node:worker_threads';
import { type PlainError, toPlainError } from '../errors/app-error.ts';
import { type Rendered, type RenderRequest, render } from './render.ts';

export type ThreadResponse = { readonly rendered: Rendered } | { readonly error: PlainError };

const port = parentPort!;

port.on('message', (request: RenderRequest) => port.postMessage(answer(request)));

function answer(request: RenderRequest): ThreadResponse {
  try {
    return { rendered: render(request) };
  } catch (error) {
    return { error: toPlainError(error) };
  }
}
