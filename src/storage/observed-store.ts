import { type ObserveBackend, observedCall } from '../backend-calls.ts';
import type { OpenStore } from './open-store.ts';

/** The store, of which every call is told to who counts them. Of `read`, it is the time until the stream begins. */
export function observedStore(store: OpenStore, observe: ObserveBackend): OpenStore {
  const told =
    <Args extends unknown[], Result>(operation: string, call: (...args: Args) => Promise<Result>) =>
    (...args: Args): Promise<Result> =>
      observedCall(observe, 'storage', operation, () => call.apply(store, args));
  return {
    putFile: told('put_file', store.putFile),
    put: told('put', store.put),
    get: told('get', store.get),
    stat: told('stat', store.stat),
    read: told('read', store.read),
    localFile: told('local_file', store.localFile),
    list: told('list', store.list),
    remove: told('remove', store.remove),
    makeScratch: told('make_scratch', store.makeScratch),
    check: told('check', store.check),
    checkReads: told('check_reads', store.checkReads),
    close: () => store.close(),
  };
}
