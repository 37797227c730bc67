/* arithmetic.h for each instruction set that a processor may have; native.c chooses when the program runs. */

#include "decode.h"

/* Plain C: correct everywhere, and what the others are tested against. */
typedef struct { int32_t s[LANES]; } PlainSums;
static inline PlainSums plain_zero(void) { return (PlainSums){{0}}; }
static inline void plain_store(int32_t *to, PlainSums v) { __builtin_memcpy(to, v.s, sizeof v.s); }
static inline PlainSums plain_add(PlainSums sums, const uint8_t *w, const int8_t *q) {
    for (int r = 0; r < LANES; r++)
        for (int j = 0; j < GROUP; j++) sums.s[r] += w[r * GROUP + j] * q[j];
    return sums;
}
#define NAME(f) f##_generic
#define TARGET
#define Sums PlainSums
#define sums_zero plain_zero
#define sums_add plain_add
#define sums_store plain_store
#define BLOCKS 1
#define TOKENS 2
#include "arithmetic.h"
#include "undefine.h"

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#include <immintrin.h>

static inline int32_t four(const int8_t *q) {
    int32_t v;
    __builtin_memcpy(&v, q, sizeof v);
    return v;
}

/* AVX2 has no product of bytes that cannot overflow (maddubs saturates): 16 bits, pairs of products in 32. */
#define TARGET __attribute__((target("avx2,fma")))
typedef struct { __m256i s[4]; } PairSums; /* s[i]: rows 4 i .. 4 i + 3, two partial sums each */
TARGET static inline PairSums pair_zero(void) {
    __m256i z = _mm256_setzero_si256();
    return (PairSums){{z, z, z, z}};
}
TARGET static inline PairSums pair_add(PairSums sums, const uint8_t *w, const int8_t *q) {
    __m256i x = _mm256_broadcastq_epi64(_mm_cvtepi8_epi16(_mm_cvtsi32_si128(four(q))));
    for (int i = 0; i < 4; i++) {
        __m256i y = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(w + 16 * i)));
        sums.s[i] = _mm256_add_epi32(sums.s[i], _mm256_madd_epi16(x, y));
    }
    return sums;
}
TARGET static inline void pair_store(int32_t *to, PairSums v) {
    for (int i = 0; i < 4; i++) {
        int32_t both[8];
        _mm256_storeu_si256((__m256i *)both, v.s[i]);
        for (int r = 0; r < 4; r++) to[4 * i + r] = both[2 * r] + both[2 * r + 1];
    }
}
#define NAME(f) f##_avx2
#define Sums PairSums
#define sums_zero pair_zero
#define sums_add pair_add
#define sums_store pair_store
#define BLOCKS 1
#define TOKENS 2
#include "arithmetic.h"
#include "undefine.h"

#define TARGET __attribute__((target("avx2,fma,avxvnni")))
typedef struct { __m256i s[2]; } HalfSums;
TARGET static inline HalfSums half_zero(void) {
    __m256i z = _mm256_setzero_si256();
    return (HalfSums){{z, z}};
}
TARGET static inline HalfSums half_add(HalfSums sums, const uint8_t *w, const int8_t *q) {
    __m256i x = _mm256_set1_epi32(four(q));
    for (int i = 0; i < 2; i++)
        sums.s[i] = _mm256_dpbusd_avx_epi32(sums.s[i], _mm256_loadu_si256((const __m256i *)(w + 32 * i)), x);
    return sums;
}
TARGET static inline void half_store(int32_t *to, HalfSums v) {
    for (int i = 0; i < 2; i++) _mm256_storeu_si256((__m256i *)(to + 8 * i), v.s[i]);
}
#define NAME(f) f##_avx_vnni
#define Sums HalfSums
#define sums_zero half_zero
#define sums_add half_add
#define sums_store half_store
#define BLOCKS 1
#define TOKENS 4
#include "arithmetic.h"
#include "undefine.h"

#define TARGET __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
TARGET static inline __m512i wide_zero(void) { return _mm512_setzero_si512(); }
TARGET static inline __m512i wide_add(__m512i sums, const uint8_t *w, const int8_t *q) {
    return _mm512_dpbusd_epi32(sums, _mm512_loadu_si512(w), _mm512_set1_epi32(four(q)));
}
TARGET static inline void wide_store(int32_t *to, __m512i v) { _mm512_storeu_si512(to, v); }
#define NAME(f) f##_avx512_vnni
#define Sums __m512i
#define sums_zero wide_zero
#define sums_add wide_add
#define sums_store wide_store
#define BLOCKS 4
#define TOKENS 4
#include "arithmetic.h"
#include "undefine.h"
#endif
