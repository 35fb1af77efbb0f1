import { DatabaseSync } from '@photostructure/sqlite';

/** Holds the right to write to a database of SQLite until its input ends. */
const database = new DatabaseSync(process.argv[2]!);
database.exec('begin immediate');
process.stdin.resume().once('end', () => database.close());
process.stdout.write('held');
