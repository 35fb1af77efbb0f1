import { AppError } from './app-error.ts';

/**
 * The error for one field of a request.
 * @param pointer JSON Pointer of the field
 * @param detail without a full stop; it may begin with the name of a field or file, which keeps its case
 */
export function invalidField(pointer: string, detail: string): AppError {
  const message = detail.replace(
    /^(?:a|the) /,
    (article) => article.charAt(0).toUpperCase() + article.slice(1),
  );
  return new AppError('VALIDATION_FAILED', `${message}.`, { errors: [{ pointer, detail }] });
}

/** Adds the field of a refused value to the error of reading it. */
export async function withErrorPointer<T>(pointer: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'VALIDATION_FAILED') throw error;
    const { errors } = error.context as { readonly errors?: readonly { pointer: string }[] };
    const moved = errors?.map((fault) => ({ ...fault, pointer: pointer + fault.pointer }));
    throw new AppError(error.code, error.message, { ...error.context, ...(moved && { errors: moved }) });
  }
}
