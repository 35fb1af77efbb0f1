/* Preloaded into the service: counts what makes files durable, of all processes together, and makes each call longer. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* fsync, fdatasync, processes; the file has as much room as this. */
static long *counts;
static struct timespec pause_before;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("SYNC_WATCH_FILE");
  const char *milliseconds = getenv("SYNC_WATCH_DELAY_MS");
  if (milliseconds) {
    long ms = atol(milliseconds);
    pause_before.tv_sec = ms / 1000;
    pause_before.tv_nsec = ms % 1000 * 1000000;
  }
  int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *mapped = mmap(NULL, 3 * sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (mapped == MAP_FAILED) return;
  counts = mapped;
  __atomic_fetch_add(&counts[2], 1, __ATOMIC_RELAXED);
}

static int watched(int which, long number, int file) {
  if (counts) __atomic_fetch_add(&counts[which], 1, __ATOMIC_RELAXED);
  struct timespec left = pause_before;
  while (nanosleep(&left, &left) != 0);
  return (int)syscall(number, file);
}

int fsync(int file) { return watched(0, SYS_fsync, file); }
int fdatasync(int file) { return watched(1, SYS_fdatasync, file); }
