/* One pass of a GPT-2 in 8 or 4 bits over some tokens: of one answer's prompt, or the next of several answers. */

#include "decode.h"
#include "pool.h"

#include <string.h>

#define VARIANTS 4
static const Work variants[VARIANTS] = {
    work_generic,
#if defined(__x86_64__)
    work_avx2, work_avx_vnni, work_avx512_vnni,
#endif
};

static double (*const logsumexps[VARIANTS])(const float *, int) = {
    logsumexp_generic,
#if defined(__x86_64__)
    logsumexp_avx2, logsumexp_avx_vnni, logsumexp_avx512_vnni,
#endif
};

/* Whether this processor can run variant 0 .. 3: generic, avx2, avx_vnni, avx512_vnni. */
int fischgpt_supports(int variant) {
    if (variant == 0) return 1;
#if defined(__x86_64__)
    __builtin_cpu_init();
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (variant == 1) return avx2;
    if (variant == 2) return avx2 && __builtin_cpu_supports("avxvnni");
    if (variant == 3)
        return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512vnni");
#endif
    return 0;
}

double fischgpt_logsumexp(const float *x, int n, int variant) { return logsumexps[variant](x, n); }

static size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

/* Cuts `memory` into the parts of a pass; with NULL only counts. Returns the bytes needed. */
static size_t lay_out(Pass *pass, char *memory, int threads) {
    size_t c = (size_t)pass->model->n_embd, n = (size_t)pass->n, at = 0, wide = (size_t)pad16(4 * (int)c);
    pass->x = (float *)(memory + at), at += aligned(n * c * sizeof(float));
    pass->wide = (float *)(memory + at), at += aligned(n * 4 * c * sizeof(float));
    pass->q = (int8_t *)(memory + at), at += aligned(n * wide);
    pass->q_sums = (int32_t *)(memory + at), at += aligned(n * wide / LANES * sizeof(int32_t));
    pass->input = (Quantized *)(memory + at), at += aligned(n * sizeof(Quantized));
    pass->scores = (float *)(memory + at), at += aligned((size_t)threads * QUERIES * (size_t)pass->max_tokens * sizeof(float));
    pass->bytes = (uint8_t *)(memory + at), at += (size_t)threads * MOST_BLOCKS * LANES * wide;
    return at;
}

/* Bytes of scratch memory that `fischgpt_read` needs for n tokens, whose caches have at most max_tokens positions. */
int64_t fischgpt_scratch(const Model *model, int n, int max_tokens, int threads) {
    Pass pass = {.model = model, .n = n, .max_tokens = max_tokens};
    return (int64_t)lay_out(&pass, (char *)64, threads);
}

/* Read n tokens into their caches; logits [tokens wanted][n_vocab] in the tokens' order. Tokens of one answer are in
   order of position. `scratch` is 64-byte aligned; `threads` counts the caller. */
void fischgpt_read(const Model *model, const Token *tokens, int n, float *logits, void *scratch, int threads, int variant) {
    Pass pass = {.model = model, .tokens = tokens, .n = n, .logits = logits};
    for (int t = 0; t < n; t++)
        if (tokens[t].max_tokens > pass.max_tokens) pass.max_tokens = tokens[t].max_tokens;
    lay_out(&pass, scratch, threads);
    Work work = variants[variant];
    int c = model->n_embd, helped = pool_take(threads - 1);
#define RUN(phase, units, least) pool_run(work, &pass, phase, units, least, helped)
#define TOKENS(phase, tokens) RUN(phase, tokens, 4) /* what has a norm or a rounding is over sooner than a thread is there */
#define ROWS(phase, linear) RUN(phase, (linear).n / LANES, MOST_BLOCKS)
    TOKENS(EMBED, n);
    for (pass.layer = 0; pass.layer < model->n_layer; pass.layer++) {
        const Layer *layer = &model->layers[pass.layer];
        TOKENS(NORM_1, n);
        ROWS(QKV, layer->qkv);
        RUN(ATTEND, model->n_head, 1);
        TOKENS(GATHER, n);
        ROWS(PROJ, layer->proj);
        TOKENS(NORM_2, n);
        ROWS(FC, layer->fc);
        TOKENS(NARROW, n);
        ROWS(DOWN, layer->down);
    }
    pass.layer = 0;
    int wanted = 0;
    for (int t = 0; t < n; t++)
        if (tokens[t].wanted) memmove(pass.x + (size_t)c * (size_t)wanted++, pass.x + (size_t)c * (size_t)t, (size_t)c * sizeof(float));
    pass.n = wanted;
    if (wanted) {
        TOKENS(NORM_F, wanted);
        ROWS(HEAD, model->head);
    }
    if (helped) pool_give();
}
