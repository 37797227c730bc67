/* The arithmetic of one pass, compiled once for each instruction set: the includer defines NAME, TARGET (a function
   attribute), Sums (16 running sums of 32 bits), sums_set, sums_add, sums_store; for 4 bits sums_low and
   sums_high (of the codes in the halves of 64 bytes), sums_begin (zero * a number), sums_scaled (times scale); Floats (16
   of 32 bits), floats_set, floats_pairs (16 pairs of bf16 as two), floats_add (of a product), floats_store; and BLOCKS x
   TOKENS, the tile of sums that fits into its registers. Everything else is plain C, which the compiler vectorizes. */

#define INLINE static inline __attribute__((always_inline)) TARGET

/* e^x for x <= 0 or small: 2^n times a polynomial (Cephes expf), 2 units in the last place; vectorizes, as libm's does not. */
INLINE float NAME(exp)(float x) {
    x = x < -87.0f ? -87.0f : x > 87.0f ? 87.0f : x;
    float n = __builtin_floorf(x * 1.44269504f + 0.5f);
    float r = x - n * 0.693359375f + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    union { int32_t i; float f; } power = {((int32_t)n + 127) << 23};
    return (p * r * r + r + 1.0f) * power.f;
}

/* log(sum of e^x) of n > 0 values, from the highest down, summed in double. */
TARGET double NAME(logsumexp)(const float *x, int n) {
    float high[LANES], highest;
    double sum[LANES] = {0}, whole = 0;
    int lanes = n / LANES * LANES;
    for (int r = 0; r < LANES; r++) high[r] = x[n - 1];
    for (int i = 0; i < lanes; i += LANES)
        for (int r = 0; r < LANES; r++) high[r] = x[i + r] > high[r] ? x[i + r] : high[r];
    for (int i = lanes; i < n; i++) high[0] = x[i] > high[0] ? x[i] : high[0];
    highest = high[0];
    for (int r = 1; r < LANES; r++) highest = high[r] > highest ? high[r] : highest;
    for (int i = 0; i < lanes; i += LANES)
        for (int r = 0; r < LANES; r++) sum[r] += (double)NAME(exp)(x[i + r] - highest);
    for (int i = lanes; i < n; i++) sum[0] += (double)NAME(exp)(x[i] - highest);
    for (int r = 0; r < LANES; r++) whole += sum[r];
    return (double)highest + log(whole);
}

/* tanh-GELU: x * sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3)). */
INLINE float NAME(gelu)(float x) {
    return x / (1.0f + NAME(exp)(-1.5957691216f * (x + 0.044715f * x * x * x)));
}

/* x[k] in 8 bits into q, k a multiple of 16; sums of 16 bytes each into q_sums, unless NULL. */
TARGET static void NAME(quantize)(const float *x, int k, int8_t *q, int32_t *q_sums, Quantized *input) {
    float low = 0, high = 0;
    for (int i = 0; i < k; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    float scale = (high - low) / 255.0f, inverse = scale > 0 ? 1.0f / scale : 0.0f;
    int32_t zero = (int32_t)__builtin_rintf(-128.0f - low * inverse), sum = 0;
    for (int i = 0; i < k; i++) {
        int32_t byte = (int32_t)__builtin_rintf(x[i] * inverse) + zero;
        byte = byte > 127 ? 127 : byte < -128 ? -128 : byte;
        q[i] = (int8_t)byte;
        sum += byte;
    }
    for (int i = 0; q_sums && i < k; i += LANES) {
        int32_t part = 0;
        for (int j = 0; j < LANES; j++) part += q[i + j];
        q_sums[i / LANES] = part;
    }
    input->scale = scale;
    input->zero = zero;
    input->offset = 128 * sum;
}

/* A token's and its position's embedding, the first out of the head's blocks. */
TARGET static void NAME(embed)(const Model *m, const Token *token, float *x) {
    const Linear *w = &m->head;
    const uint8_t *block = w->weight + (int64_t)(token->id / LANES) * LANES * w->k + token->id % LANES * GROUP;
    const float *position = m->wpe + (int64_t)token->pos * m->n_embd;
    float scale = w->scale[token->id];
    for (int i = 0; i < m->n_embd; i += GROUP, block += GROUP * LANES)
        for (int j = 0; j < GROUP; j++) x[i + j] = scale * (float)(block[j] - 128) + position[i + j];
}

TARGET static void NAME(norm)(const float *x, int k, const float *weight, const float *bias, float *out) {
    float mean = 0, variance = 0;
    for (int i = 0; i < k; i++) mean += x[i];
    mean /= (float)k;
    for (int i = 0; i < k; i++) variance += (x[i] - mean) * (x[i] - mean);
    float inverse = 1.0f / __builtin_sqrtf(variance / (float)k + 1e-5f);
    for (int i = 0; i < k; i++) out[i] = (x[i] - mean) * inverse * weight[i] + bias[i];
}

/* sums[b][t][16] of `blocks` blocks of rows by `tokens` tokens, both known to the compiler. */
INLINE void NAME(tile)(const uint8_t *weight, const int8_t *q, int stride, int k, const int blocks, const int tokens,
                       int32_t sums[BLOCKS][TOKENS][LANES]) {
    Sums acc[BLOCKS][TOKENS];
    for (int b = 0; b < blocks; b++)
        for (int t = 0; t < tokens; t++) acc[b][t] = sums_set(0);
    for (int i = 0; i < k; i += GROUP) {
#pragma GCC unroll 8
        for (int b = 0; b < blocks; b++) {
#pragma GCC unroll 8
            for (int t = 0; t < tokens; t++)
                acc[b][t] = sums_add(acc[b][t], weight + ((int64_t)b * k + i) * LANES, q + t * stride + i);
        }
    }
    for (int b = 0; b < blocks; b++)
        for (int t = 0; t < tokens; t++) sums_store(sums[b][t], acc[b][t]);
}

/* One token and one block of rows, as four sums that do not wait for one another. */
INLINE void NAME(stream)(const uint8_t *weight, const int8_t *q, int k, int32_t sums[LANES]) {
    Sums acc[4] = {sums_set(0), sums_set(0), sums_set(0), sums_set(0)};
    for (int i = 0; i < k; i += 4 * GROUP)
        for (int j = 0; j < 4; j++)
            acc[j] = sums_add(acc[j], weight + (int64_t)(i + j * GROUP) * LANES, q + i + j * GROUP);
    int32_t part[LANES];
    for (int r = 0; r < LANES; r++) sums[r] = 0;
    for (int j = 0; j < 4; j++) {
        sums_store(part, acc[j]);
        for (int r = 0; r < LANES; r++) sums[r] += part[r];
    }
}

/* The same of 4 bits. A group's sum of (code - zero) * q is below 2^15, so that its product with the group's scale may be
   one of 16 bits; the result is what 8 bits would give, their offset of 128 * sum of q included. */
INLINE void NAME(stream_codes)(const uint8_t *codes, const uint8_t *group, const int8_t *q, const int32_t *q_sums, int k,
                               int32_t offset, int32_t sums[LANES]) {
    Sums acc = sums_set(0);
    for (int i = 0; i < k; i += LANES, codes += 8 * LANES, group += LANES) {
        Sums part = sums_begin(group, -*q_sums++);
        part = sums_low(part, codes, q + i);
        part = sums_high(part, codes, q + i + GROUP);
        part = sums_low(part, codes + 4 * LANES, q + i + 2 * GROUP);
        part = sums_high(part, codes + 4 * LANES, q + i + 3 * GROUP);
        acc = sums_scaled(acc, part, group);
    }
    sums_store(sums, acc);
    for (int r = 0; r < LANES; r++) sums[r] += offset;
}

/* A block of 4-bit rows as the 8-bit block that it stands for: worth its while for more than one token. The four bytes of a
   row are one number of 32 bits, sums and products of which carry nothing over, for each result is a byte. */
TARGET static void NAME(write_out)(const uint8_t *codes, const uint8_t *group, int k, uint8_t *out) {
    for (int i = 0; i < k; i += LANES, group += LANES) {
        uint32_t scale[LANES], offset[LANES], both[LANES], low[LANES], high[LANES];
        for (int r = 0; r < LANES; r++) {
            scale[r] = (group[r] & 15u) + 1;
            offset[r] = (128u - scale[r] * (group[r] >> 4)) * 0x01010101u;
        }
        for (int half = 0; half < 2; half++, codes += sizeof both, out += sizeof low + sizeof high) {
            __builtin_memcpy(both, codes, sizeof both);
            for (int r = 0; r < LANES; r++) {
                low[r] = (both[r] & 0x0f0f0f0fu) * scale[r] + offset[r];
                high[r] = (both[r] >> 4 & 0x0f0f0f0fu) * scale[r] + offset[r];
            }
            __builtin_memcpy(out, low, sizeof low);
            __builtin_memcpy(out + sizeof low, high, sizeof high);
        }
    }
}

INLINE void NAME(finish)(const Linear *w, int row, const int32_t sums[LANES], const Quantized *input, float *out,
                         const int then) {
    for (int r = 0; r < LANES; r++) {
        int32_t whole = sums[r] - input->offset - input->zero * w->sum[row + r];
        float y = (float)whole * (w->scale[row + r] * input->scale) + w->bias[row + r];
        out[r] = then == GELU ? NAME(gelu)(y) : then == ADD ? out[r] + y : y;
    }
}

/* Rows of blocks `block` .. `end` - 1 for all tokens: out[t][row]. Rows beyond `rows` are padding and not written. */
INLINE void NAME(product)(Pass *pass, const Linear *w, int block, int end, int thread, float *out, int stride, int rows,
                          const int then) {
    int q_stride = pad16(4 * pass->model->n_embd);
    while (block < end) {
        int64_t first = (int64_t)block * LANES * w->k;
        const uint8_t *codes = w->weight + first / 2, *group = w->group ? w->group + first / LANES : NULL;
        const uint8_t *weight = w->weight + first;
        int many = pass->n > 1 && block + BLOCKS <= end ? BLOCKS : 1;
        if (group && pass->n > 1) {
            uint8_t *bytes = pass->bytes + (int64_t)thread * MOST_BLOCKS * LANES * q_stride;
            for (int64_t b = 0, size = (int64_t)LANES * w->k; b < many; b++)
                NAME(write_out)(codes + b * size / 2, group + b * size / LANES, w->k, bytes + b * size);
            weight = bytes;
        }
        for (int t = 0; t < pass->n;) {
            int32_t sums[BLOCKS][TOKENS][LANES];
            const int8_t *q = pass->q + (int64_t)t * q_stride;
            int done = pass->n - t >= TOKENS ? TOKENS : 1;
            if (group && pass->n == 1)
                NAME(stream_codes)(codes, group, q, pass->q_sums, w->k, pass->input->offset, sums[0][0]);
            else if (many == 1 && done == 1) NAME(stream)(weight, q, w->k, sums[0][0]);
            else if (many == 1) NAME(tile)(weight, q, q_stride, w->k, 1, TOKENS, sums);
            else if (done == 1) NAME(tile)(weight, q, q_stride, w->k, BLOCKS, 1, sums);
            else NAME(tile)(weight, q, q_stride, w->k, BLOCKS, TOKENS, sums);
            for (int b = 0; b < many; b++)
                for (int d = 0; d < done; d++) {
                    int row = (block + b) * LANES;
                    float *to = out + (int64_t)(t + d) * stride + row, last[LANES] = {0};
                    if (row + LANES <= rows) {
                        NAME(finish)(w, row, sums[b][d], &pass->input[t + d], to, then);
                    } else {
                        for (int r = row; r < rows; r++) last[r - row] = to[r - row];
                        NAME(finish)(w, row, sums[b][d], &pass->input[t + d], last, then);
                        for (int r = row; r < rows; r++) to[r - row] = last[r - row];
                    }
                }
            t += done;
        }
        block += many;
    }
}

#include "attention.h"

TARGET void NAME(work)(Pass *pass, Phase phase, int at, int end, int thread) {
    const Model *m = pass->model;
    const Layer *layer = &m->layers[pass->layer];
    int c = m->n_embd, q_stride = pad16(4 * c);
    switch (phase) {
        case EMBED: case NORM_1: case NORM_2: case NORM_F: case GATHER: case NARROW:
            for (int t = at; t < end; t++) {
                float *x = pass->x + (int64_t)t * c, *wide = pass->wide + (int64_t)t * 4 * c;
                if (phase == EMBED) {
                    NAME(embed)(m, &pass->tokens[t], x);
                    continue;
                }
                if (phase == NORM_1) NAME(norm)(x, c, layer->ln_1_weight, layer->ln_1_bias, wide);
                if (phase == NORM_2) NAME(norm)(x, c, layer->ln_2_weight, layer->ln_2_bias, wide);
                if (phase == NORM_F) NAME(norm)(x, c, m->ln_f_weight, m->ln_f_bias, wide);
                NAME(quantize)(wide, phase == NARROW ? 4 * c : c, pass->q + (int64_t)t * q_stride,
                               pass->n == 1 ? pass->q_sums : NULL, &pass->input[t]);
            }
            return;
        case QKV: NAME(product)(pass, &layer->qkv, at, end, thread, pass->wide, 4 * c, 3 * c, SET); return;
        case ATTEND:
            for (; at < end; at++) NAME(attention)(pass, at, thread);
            return;
        case PROJ: NAME(product)(pass, &layer->proj, at, end, thread, pass->x, c, c, ADD); return;
        case FC: NAME(product)(pass, &layer->fc, at, end, thread, pass->wide, 4 * c, 4 * c, GELU); return;
        case DOWN: NAME(product)(pass, &layer->down, at, end, thread, pass->x, c, c, ADD); return;
        case HEAD: NAME(product)(pass, &m->head, at, end, thread, pass->logits, m->n_vocab, m->n_vocab, SET); return;
    }
}
