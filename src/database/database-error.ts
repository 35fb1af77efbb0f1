/** The database cannot be used as it is. The message is a sentence for the person who starts the service. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
}
