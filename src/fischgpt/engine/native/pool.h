/* Helpers for one pass at a time. The caller does chunks itself and waits only for chunks that a helper has begun, so a
   helper that the system has put to sleep, or that there is no core for, costs nothing. */
#ifndef FISCHGPT_POOL_H
#define FISCHGPT_POOL_H

#include "decode.h"

/* Take the helpers for this pass; 0 if another pass has them: then the caller works alone. */
int pool_take(int helpers);
void pool_give(void);

/* Do units 0 .. units - 1 of a phase, with the helpers if `helped`, in chunks of a multiple of `least` units. Returns when
   all are done. */
void pool_run(Work work, Pass *pass, Phase phase, int units, int least, int helped);

#endif
