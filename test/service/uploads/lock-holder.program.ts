import { FileLocks } from '../../../src/service/uploads/file-locks.ts';

/** A process that takes a lock and says so; "busy" where another has it. Told to on standard input, it gives it back. */
const [folder, name, waitMs] = process.argv.slice(2);
const locks = new FileLocks(folder!);
const unlock = await locks.lock(name!, {
  waitMs: Number(waitMs),
  urge: true,
  onUrged: () => console.log('urged'),
});
console.log(unlock ? 'held' : 'busy');
process.stdin.once('data', async () => {
  await unlock?.();
  await locks.close();
  console.log('given back');
  process.exit(0);
});
