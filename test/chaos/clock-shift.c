/*
 * Preloaded into a process: its wall clock is ahead of the kernel's by as many nanoseconds as a file says that others may write
 * at any time. Clocks that only measure how long something takes stay as they are.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000L
/* Seconds: clocks that begin with the machine do not get there, and the time of day is past it. */
#define TIMES_OF_DAY 1000000000L

static const long none;
static const volatile long *offset = &none;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("CLOCK_SHIFT_FILE");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *mapped = mmap(NULL, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (mapped != MAP_FAILED) offset = mapped;
}

static void shift(struct timespec *at, long by) {
  at->tv_sec += by / SECOND;
  at->tv_nsec += by % SECOND;
  if (at->tv_nsec < 0) at->tv_sec--, at->tv_nsec += SECOND;
  if (at->tv_nsec >= SECOND) at->tv_sec++, at->tv_nsec -= SECOND;
}

/* To the kernel itself: past the page that it shares with processes, and with no lock that a signal could meet. */
int clock_gettime(clockid_t clock, struct timespec *at) {
  int failed = (int)syscall(SYS_clock_gettime, clock, at);
  if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) shift(at, *offset);
  return failed;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
  struct timespec now;
  if (zone) syscall(SYS_gettimeofday, NULL, zone);
  clock_gettime(CLOCK_REALTIME, &now);
  at->tv_sec = now.tv_sec;
  at->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *at) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (at) *at = now.tv_sec;
  return now.tv_sec;
}

/*
 * Who waits until a time of day took it from the calls above; the kernel has to be told its own. The wait is as long as it was
 * meant when it began.
 */
int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until) {
  if (until->tv_sec < TIMES_OF_DAY)
    return pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, until);
  struct timespec kernels = *until;
  shift(&kernels, -*offset);
  return pthread_cond_clockwait(condition, mutex, CLOCK_REALTIME, &kernels);
}

int sem_timedwait(sem_t *semaphore, const struct timespec *until) {
  struct timespec kernels = *until;
  shift(&kernels, -*offset);
  return sem_clockwait(semaphore, CLOCK_REALTIME, &kernels);
}
