/** Larger than the 64 KiB that sockets deliver: fewer, bigger writes. */
export const WRITE_BUFFER_BYTES = 1024 * 1024;
