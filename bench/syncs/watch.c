/*
 * Preloaded into the service: counts some calls of all processes together, and makes those longer that make files durable.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The file has as much room as this. */
enum { FSYNC, FDATASYNC, PROCESSES, OPEN, READ, WRITE, KINDS };
static long *counts;
static struct timespec pause_before;

static void count(int which) {
  if (counts) __atomic_fetch_add(&counts[which], 1, __ATOMIC_RELAXED);
}

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("CALL_WATCH_FILE");
  const char *milliseconds = getenv("CALL_WATCH_DELAY_MS");
  if (milliseconds) {
    long ms = atol(milliseconds);
    pause_before.tv_sec = ms / 1000;
    pause_before.tv_nsec = ms % 1000 * 1000000;
  }
  int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *mapped = mmap(NULL, KINDS * sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (mapped == MAP_FAILED) return;
  counts = mapped;
  count(PROCESSES);
}

static int synced(int which, long number, int file) {
  count(which);
  struct timespec left = pause_before;
  while (nanosleep(&left, &left) != 0);
  return (int)syscall(number, file);
}

int fsync(int file) { return synced(FSYNC, SYS_fsync, file); }
int fdatasync(int file) { return synced(FDATASYNC, SYS_fdatasync, file); }

#define OPENED(path, flags)                                        \
  mode_t mode = 0;                                                 \
  if (flags & (O_CREAT | O_TMPFILE)) {                             \
    va_list rest;                                                  \
    va_start(rest, flags);                                         \
    mode = va_arg(rest, mode_t);                                   \
    va_end(rest);                                                  \
  }                                                                \
  count(OPEN);                                                     \
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode)

int open(const char *path, int flags, ...) { OPENED(path, flags); }
int open64(const char *path, int flags, ...) { OPENED(path, flags); }

ssize_t read(int file, void *into, size_t bytes) {
  count(READ);
  return syscall(SYS_read, file, into, bytes);
}
ssize_t pread64(int file, void *into, size_t bytes, off_t at) {
  count(READ);
  return syscall(SYS_pread64, file, into, bytes, at);
}
ssize_t write(int file, const void *from, size_t bytes) {
  count(WRITE);
  return syscall(SYS_write, file, from, bytes);
}
ssize_t pwrite64(int file, const void *from, size_t bytes, off_t at) {
  count(WRITE);
  return syscall(SYS_pwrite64, file, from, bytes, at);
}
