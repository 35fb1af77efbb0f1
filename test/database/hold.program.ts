import { DatabaseSync } from '@photostructure/sqlite';

/** Holds the write lock of a SQLite database until its input ends. */
const database = new DatabaseSync(process.argv[2]!);
database.exec('begin immediate');
process.stdin.resume().once('end', () => database.close());
process.stdout.write('held');
