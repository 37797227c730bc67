#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#define MOST_HELPERS 63
#define SPINS 2000 /* looks at a counter, some 20 us, before the core is offered to others */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards waking, started, awake */
static pthread_cond_t waking = PTHREAD_COND_INITIALIZER;
static pthread_mutex_t taken = PTHREAD_MUTEX_INITIALIZER;
static int started;
static pid_t owner; /* threads do not survive a fork */
static atomic_int awake; /* helpers that may look for work: 0 between passes */

/* The current phase. Who takes a chunk holds it up until `done` counts the chunk, so `job` cannot change meanwhile. Who looked
   at the ticket of one phase and takes from a later one that looks the same takes from the later one, whose job it reads. */
static struct { Work work; Pass *pass; Phase phase; } job;
static _Atomic uint64_t ticket; /* least << 56 | units << 28 | next unit */
#define FIELD(seen, shift) ((int)((seen) >> (shift) & 0xfffffff))
static atomic_int done; /* units */

static inline void pause_a_little(int spins) {
    if (spins > SPINS) sched_yield();
#if defined(__x86_64__)
    else __builtin_ia32_pause();
#elif defined(__aarch64__)
    else __asm__ volatile("yield");
#endif
}

/* Chunks of whatever phase is current, until none is left. Each is a thread's share of what is left, so that few chunks end
   a stream from memory, which then has to get going anew, and the last ones are small (guided self-scheduling, Polychronopoulos
   and Kuck 1987): the 124M model made 533 tokens a second on two cores, and 391 in chunks of 64 rows; with one of the cores
   taken 315 and 285. */
static int help(int thread) {
    int did = 0;
    for (;;) {
        uint64_t seen = atomic_load_explicit(&ticket, memory_order_acquire);
        int least = (int)(seen >> 56), units = FIELD(seen, 28), at = FIELD(seen, 0), left = units - at;
        if (left <= 0) return did;
        int share = left / (atomic_load_explicit(&awake, memory_order_relaxed) + 1) / least * least;
        int take = share > least ? share : least < left ? least : left;
        if (!atomic_compare_exchange_weak_explicit(&ticket, &seen, seen + (uint64_t)take, memory_order_acq_rel,
                                                   memory_order_relaxed))
            continue;
        job.work(job.pass, job.phase, at, at + take, thread);
        atomic_fetch_add_explicit(&done, take, memory_order_release);
        did = 1;
    }
}

static void *helper(void *number) {
    int thread = (int)(intptr_t)number;
    for (int spins = 0;;) {
        if (atomic_load_explicit(&awake, memory_order_acquire) < thread) {
            pthread_mutex_lock(&lock);
            while (atomic_load(&awake) < thread) pthread_cond_wait(&waking, &lock);
            pthread_mutex_unlock(&lock);
            spins = 0;
        }
        spins = help(thread) ? 0 : spins + 1;
        pause_a_little(spins);
    }
    return NULL;
}

int pool_take(int helpers) {
    if (helpers <= 0 || pthread_mutex_trylock(&taken)) return 0;
    helpers = helpers > MOST_HELPERS ? MOST_HELPERS : helpers;
    pthread_mutex_lock(&lock);
    if (owner != getpid()) {
        owner = getpid();
        started = 0;
    }
    while (started < helpers) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, helper, (void *)(intptr_t)(started + 1))) break; /* fewer, then */
        pthread_detach(thread);
        started++;
    }
    atomic_store(&awake, helpers);
    pthread_cond_broadcast(&waking);
    pthread_mutex_unlock(&lock);
    return 1;
}

void pool_give(void) {
    atomic_store(&awake, 0);
    pthread_mutex_unlock(&taken);
}

void pool_run(Work work, Pass *pass, Phase phase, int units, int least, int helped) {
    if (!helped || units <= least) {
        work(pass, phase, 0, units, 0);
        return;
    }
    job.work = work;
    job.pass = pass;
    job.phase = phase;
    atomic_store_explicit(&done, 0, memory_order_relaxed);
    atomic_store_explicit(&ticket, (uint64_t)least << 56 | (uint64_t)units << 28, memory_order_release);
    help(0);
    for (int spins = 0; atomic_load_explicit(&done, memory_order_acquire) < units; spins++) pause_a_little(spins);
}
