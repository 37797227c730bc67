/* Attention, compiled once for each instruction set as a part of arithmetic.h. Keys and values are kept in 16 bits
   (bf16, the upper half of a float), two beside each other, so that a load of 64 bytes is two registers of floats. Of each
   query one sum runs over dimensions, and one over positions, in order: the tiles change no bit. */

INLINE uint32_t NAME(half)(float x) { /* to the nearest, ties to even */
    union { float f; uint32_t i; } whole = {x};
    return (whole.i + 0x7fffu + (whole.i >> 16 & 1u)) >> 16;
}

/* out[t][16 b ..] = factor[t] * sum over i < n of from[t][i] * kept[i][16 b ..]: `tokens` rows, `blocks` blocks of 16. n is
   even; two neighbours i of a block lie beside each other, the next two `step` further, the next block `block`. */
INLINE void NAME(floats_tile)(const uint32_t *kept, int64_t step, int64_t block, const float *from, int64_t from_stride,
                       const int n, const float *factor, float *out, int64_t out_stride, const int blocks,
                       const int tokens) {
    Floats acc[BLOCKS][QUERIES];
    for (int b = 0; b < blocks; b++)
        for (int t = 0; t < tokens; t++) acc[b][t] = floats_set(0);
    for (int i = 0; i < n; i += 2) {
        Floats even[BLOCKS], odd[BLOCKS];
        for (int b = 0; b < blocks; b++) floats_pairs(kept + i / 2 * step + b * block, &even[b], &odd[b]);
#pragma GCC unroll 8
        for (int t = 0; t < tokens; t++) {
            const float *f = from + t * from_stride + i;
            Floats first = floats_set(f[0]), second = floats_set(f[1]);
#pragma GCC unroll 8
            for (int b = 0; b < blocks; b++) {
                acc[b][t] = floats_add(acc[b][t], first, even[b]);
                acc[b][t] = floats_add(acc[b][t], second, odd[b]);
            }
        }
    }
    for (int b = 0; b < blocks; b++)
        for (int t = 0; t < tokens; t++)
            floats_store(out + t * out_stride + b * LANES, floats_add(floats_set(0), acc[b][t], floats_set(factor[t])));
}

/* s[seen] -> e^(s - its highest), zeros from there to `end`; 1 / their sum. Never inlined: the same sum for every tile. */
__attribute__((noinline)) TARGET static float NAME(softmax)(float *s, int seen, int end) {
    float highest = s[0], sum = 0;
    for (int p = 0; p < seen; p++) highest = s[p] > highest ? s[p] : highest;
    for (int p = 0; p < seen; p++) {
        s[p] = NAME(exp)(s[p] - highest);
        sum += s[p];
    }
    for (int p = seen; p < end; p++) s[p] = 0;
    return 1.0f / sum;
}

/* One head of `tokens` tokens that follow one another in one answer: softmax(q K) V over all up to each. The result
   takes the query's place. `dim` is a multiple of 16. */
INLINE void NAME(attend)(const uint32_t *key, const uint32_t *value, float *query, int64_t q_stride, float *scores,
                         int stride, int pos, const int tokens, const int dim) {
    int total = pos + tokens, even = (total + 1) / 2 * 2, p = 0; /* total: positions that the last one sees */
    float scale[QUERIES], inverse[QUERIES];
    for (int t = 0; t < tokens; t++) scale[t] = 1.0f / __builtin_sqrtf((float)dim);
#define SCORES(blocks) NAME(floats_tile)(key + (int64_t)p * dim / 2, LANES, (int64_t)dim / 2 * LANES, query, q_stride, dim, \
                                         scale, scores + p, stride, blocks, tokens)
    for (; p + (BLOCKS - 1) * LANES < total; p += BLOCKS * LANES) SCORES(BLOCKS);
    for (; p < total; p += LANES) SCORES(1);
#undef SCORES
    for (int t = 0; t < tokens; t++) inverse[t] = NAME(softmax)(scores + t * stride, pos + t + 1, even);
    int d = 0;
#define WEIGH(blocks) NAME(floats_tile)(value + d, dim, LANES, scores, stride, even, inverse, query + d, q_stride, \
                                        blocks, tokens)
    for (; d + BLOCKS * LANES <= dim; d += BLOCKS * LANES) WEIGH(BLOCKS);
    for (; d < dim; d += LANES) WEIGH(1);
#undef WEIGH
}

/* Keys and values of one head of this layer in a token's cache. */
INLINE void NAME(kept)(const Pass *pass, const Token *token, int head, uint32_t **key, uint32_t **value) {
    const Model *m = pass->model;
    int64_t size = (int64_t)m->n_layer * m->n_embd * token->max_tokens / 2;
    *key = token->cache + size / (m->n_layer * m->n_head) * (pass->layer * m->n_head + head);
    *value = *key + size;
}

/* Head `head` of this layer: new keys and values into the caches, then each token's attention in place of its query. */
TARGET static void NAME(attention)(Pass *pass, int head, int thread) {
    const Model *m = pass->model;
    int dim = m->n_embd / m->n_head, stride = 4 * m->n_embd;
    float *scores = pass->scores + (int64_t)thread * QUERIES * pass->max_tokens;
    for (int t = 0; t < pass->n; t++) {
        const Token *token = &pass->tokens[t];
        const float *from = pass->wide + (int64_t)t * stride + m->n_embd + head * dim;
        uint32_t *key, *value, half[dim];
        NAME(kept)(pass, token, head, &key, &value);
        key += token->pos / LANES * dim / 2 * LANES + token->pos % LANES;
        value += token->pos / 2 * dim;
        for (int d = 0; d < dim; d++) half[d] = NAME(half)(from[d]);
        for (int d = 0; d < dim; d += 2) key[d / 2 * LANES] = half[d] | half[d + 1] << 16;
        for (int d = 0; d < dim; d++) half[d] = NAME(half)(from[m->n_embd + d]);
        if (token->pos % 2) for (int d = 0; d < dim; d++) value[d] = (value[d] & 0xffffu) | half[d] << 16;
        else for (int d = 0; d < dim; d++) value[d] = half[d]; /* beside it 0: read, times 0, while that position is empty */
    }
    for (int t = 0; t < pass->n;) {
        const Token *token = &pass->tokens[t];
        int run = 1;
        while (run < QUERIES && t + run < pass->n && token[run].cache == token->cache &&
               token[run].pos == token->pos + run)
            run++;
        uint32_t *key, *value;
        NAME(kept)(pass, token, head, &key, &value);
        float *query = pass->wide + (int64_t)t * stride + head * dim;
#define ATTEND_TO(tokens, dim) NAME(attend)(key, value, query, stride, scores, pass->max_tokens, token->pos, tokens, dim)
        if (run < QUERIES) run = 1;
        if (dim == 64 && run == 1) ATTEND_TO(1, 64);
        else if (dim == 64) ATTEND_TO(QUERIES, 64);
        else if (run == 1) ATTEND_TO(1, dim);
        else ATTEND_TO(QUERIES, dim);
#undef ATTEND_TO
        t += run;
    }
}
