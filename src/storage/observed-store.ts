import { type ObserveBackend, observedCall } from '../backend-calls.ts';
import type { OpenStore } from './open-store.ts';

/** A storage whose calls are observed. The duration of `read` is the time until the stream begins. */
export function observedStore(store: OpenStore, observe: ObserveBackend): OpenStore {
  const observed =
    <Args extends unknown[], Result>(operation: string, call: (...args: Args) => Promise<Result>) =>
    (...args: Args): Promise<Result> =>
      observedCall(observe, 'storage', operation, () => call.apply(store, args));
  return {
    putFile: observed('put_file', store.putFile),
    put: observed('put', store.put),
    get: observed('get', store.get),
    stat: observed('stat', store.stat),
    read: observed('read', store.read),
    localFile: observed('local_file', store.localFile),
    list: observed('list', store.list),
    remove: observed('remove', store.remove),
    makeScratch: observed('make_scratch', store.makeScratch),
    check: observed('check', store.check),
    checkReads: observed('check_reads', store.checkReads),
    close: () => store.close(),
  };
}
