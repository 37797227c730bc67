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

/* The current phase. Who takes a chunk holds it up until `done` counts the chunk, so `job` cannot change meanwhile. */
static struct { Work work; Pass *pass; Phase phase; } job;
static _Atomic uint64_t ticket; /* phase number << 32 | chunks << 16 | next chunk */
static atomic_int done;

static inline void pause_a_little(int spins) {
    if (spins > SPINS) sched_yield();
#if defined(__x86_64__)
    else __builtin_ia32_pause();
#elif defined(__aarch64__)
    else __asm__ volatile("yield");
#endif
}

/* Chunks of whatever phase is current, until none is left. */
static int help(int thread) {
    int did = 0;
    for (;;) {
        uint64_t seen = atomic_load_explicit(&ticket, memory_order_acquire);
        if ((seen & 0xffff) >= (seen >> 16 & 0xffff)) return did;
        if (!atomic_compare_exchange_weak_explicit(&ticket, &seen, seen + 1, memory_order_acq_rel, memory_order_relaxed))
            continue;
        job.work(job.pass, job.phase, (int)(seen & 0xffff), thread);
        atomic_fetch_add_explicit(&done, 1, memory_order_release);
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

void pool_run(Work work, Pass *pass, Phase phase, int chunks, int helped) {
    if (!helped || chunks == 1) {
        for (int at = 0; at < chunks; at++) work(pass, phase, at, 0);
        return;
    }
    static uint64_t number;
    job.work = work;
    job.pass = pass;
    job.phase = phase;
    atomic_store_explicit(&done, 0, memory_order_relaxed);
    atomic_store_explicit(&ticket, ++number << 32 | (uint64_t)chunks << 16, memory_order_release);
    help(0);
    for (int spins = 0; atomic_load_explicit(&done, memory_order_acquire) < chunks; spins++) pause_a_little(spins);
}
