/** A process with a private Redis that a test can kill. Arguments: data folder, search path. */
import { Broker } from '../../src/queue/broker.ts';
import { SILENT } from './harness.ts';

const [dataDir, searchPath] = process.argv.slice(2);
const broker = await Broker.start({ dataDir: dataDir!, searchPath: searchPath!, logger: SILENT });
process.once('SIGTERM', async () => {
  await broker.close();
  process.exit(0);
});
console.log(JSON.stringify({ socketPath: broker.socketPath, serverPid: broker.pid }));
