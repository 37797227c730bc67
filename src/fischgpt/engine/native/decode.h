/* What Python hands over (see native.py, which mirrors these structures) and what the parts share. */
#ifndef FISCHGPT_DECODE_H
#define FISCHGPT_DECODE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define LANES 16 /* rows of a matrix that lie side by side: one 512-bit register of 32-bit sums */
#define GROUP 4  /* neighbouring bytes of a row that one instruction multiplies and adds */

/* y[n] = W[n, k] x[k] + bias. W in 8 bits, w = scale[row] * (byte - 128), stored [n / 16][k / 4][16][4]; n and k are
   padded to 16, with bytes of 128 and scales of 0. sum[row] is the sum of (byte - 128).

   Or in 4 bits a weight and a byte for each group of 16 neighbours of a row, its low half a scale less 1, its high half a
   zero: byte - 128 is then (scale) * (code - zero), so that both kinds are the same arithmetic. Stored
   [n / 16][k / 8][16][4], two codes a byte: 8 columns of 16 rows in 64 bytes, the first four columns in the low halves;
   groups [n / 16][k / 16][16]. */
typedef struct {
    const uint8_t *weight;
    const float *scale;
    const int32_t *sum;
    const float *bias;
    const uint8_t *group; /* NULL: 8 bits */
    int32_t n, k;
} Linear;

typedef struct {
    const float *ln_1_weight, *ln_1_bias, *ln_2_weight, *ln_2_bias;
    Linear qkv, proj, fc, down;
} Layer;

typedef struct {
    const Layer *layers;
    const float *wpe, *ln_f_weight, *ln_f_bias;
    Linear head; /* the token embedding too: row i is token i */
    int32_t n_layer, n_head, n_embd, n_vocab;
} Model;

/* One token to read: its id, its position, and its answer's cache of `max_tokens` (a multiple of 16) positions: pairs
   of bf16, keys [n_layer][n_head][max_tokens / 16][head_dim / 2][16], then values [n_layer][n_head][max_tokens / 2][head_dim]. */
typedef struct {
    uint32_t *cache;
    int32_t id, pos, max_tokens;
    int32_t wanted; /* whether the logits of the token that follows are asked for */
} Token;

/* A matrix's input in 8 bits, x = scale * (byte - zero), for each token of a pass. */
typedef struct {
    float scale;
    int32_t zero;
    int32_t offset; /* 128 * sum of the bytes: what storing weights unsigned adds to every product */
} Quantized;

/* Everything a pass writes on the way; cut from one block of memory. */
typedef struct {
    const Model *model;
    const Token *tokens;
    int32_t n;
    float *x, *wide;  /* [n][n_embd], [n][4 n_embd] */
    int8_t *q;        /* [n][4 n_embd, padded to 16] */
    int32_t *q_sums;  /* [n][4 n_embd, padded to 16, / 16]: of 16 bytes each */
    uint8_t *bytes;   /* [threads][MOST_BLOCKS * 16][4 n_embd, padded to 16]: weights of 4 bits written out */
    Quantized *input; /* [n] */
    float *scores;    /* [threads][QUERIES][max_tokens] */
    float *logits;    /* [tokens wanted][n_vocab] */
    int32_t max_tokens, layer;
} Pass;

typedef enum { EMBED, NORM_1, QKV, ATTEND, GATHER, PROJ, NORM_2, FC, NARROW, DOWN, NORM_F, HEAD } Phase;

typedef enum { SET, ADD, GELU } Then; /* what becomes of a product */

/* One variant of the arithmetic: does units `at` .. `end` - 1 of a phase, which are tokens, heads, or blocks of 16 rows.
   `thread` owns its own scores. */
typedef void (*Work)(Pass *pass, Phase phase, int at, int end, int thread);

void work_generic(Pass *, Phase, int, int, int);
void work_avx2(Pass *, Phase, int, int, int);
void work_avx_vnni(Pass *, Phase, int, int, int);
void work_avx512_vnni(Pass *, Phase, int, int, int);

double logsumexp_generic(const float *, int);
double logsumexp_avx2(const float *, int);
double logsumexp_avx_vnni(const float *, int);
double logsumexp_avx512_vnni(const float *, int);

#define QUERIES 4        /* tokens of one answer whose attention is made together */
#define MOST_BLOCKS 4    /* blocks of 16 rows in any variant's tile */

static inline int pad16(int n) { return (n + 15) / 16 * 16; }

#endif
