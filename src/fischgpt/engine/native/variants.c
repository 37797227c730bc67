/* arithmetic.h for each instruction set that a processor may have; native.c chooses when the program runs. */

#include "decode.h"

/* Plain C: correct everywhere, and what the others are tested against. */
typedef struct { int32_t s[LANES]; } PlainSums;
static inline PlainSums plain_set(int32_t to) {
    PlainSums sums;
    for (int r = 0; r < LANES; r++) sums.s[r] = to;
    return sums;
}
static inline void plain_store(int32_t *to, PlainSums v) { __builtin_memcpy(to, v.s, sizeof v.s); }
static inline PlainSums plain_add(PlainSums sums, const uint8_t *w, const int8_t *q) {
    for (int r = 0; r < LANES; r++)
        for (int j = 0; j < GROUP; j++) sums.s[r] += w[r * GROUP + j] * q[j];
    return sums;
}
static inline PlainSums plain_half(PlainSums sums, const uint8_t *w, const int8_t *q, int shift) {
    for (int r = 0; r < LANES; r++)
        for (int j = 0; j < GROUP; j++) sums.s[r] += (w[r * GROUP + j] >> shift & 15) * q[j];
    return sums;
}
static inline PlainSums plain_begin(const uint8_t *group, int32_t by) {
    PlainSums sums;
    for (int r = 0; r < LANES; r++) sums.s[r] = (group[r] >> 4) * by;
    return sums;
}
static inline PlainSums plain_scaled(PlainSums to, PlainSums part, const uint8_t *group) {
    for (int r = 0; r < LANES; r++) to.s[r] += part.s[r] * ((group[r] & 15) + 1);
    return to;
}
typedef struct { float f[LANES]; } PlainFloats;
static inline PlainFloats plain_floats(float to) {
    PlainFloats all;
    for (int r = 0; r < LANES; r++) all.f[r] = to;
    return all;
}
static inline void plain_pairs(const uint32_t *from, PlainFloats *first, PlainFloats *second) {
    for (int r = 0; r < LANES; r++) {
        uint32_t low = from[r] << 16, high = from[r] & 0xffff0000u;
        __builtin_memcpy(&first->f[r], &low, sizeof low);
        __builtin_memcpy(&second->f[r], &high, sizeof high);
    }
}
static inline PlainFloats plain_multiplied(PlainFloats sum, PlainFloats x, PlainFloats y) {
    for (int r = 0; r < LANES; r++) sum.f[r] += x.f[r] * y.f[r];
    return sum;
}
static inline void plain_floats_store(float *to, PlainFloats v) { __builtin_memcpy(to, v.f, sizeof v.f); }
#define NAME(f) f##_generic
#define TARGET
#define Sums PlainSums
#define sums_set plain_set
#define sums_add plain_add
#define sums_low(sums, w, q) plain_half(sums, w, q, 0)
#define sums_high(sums, w, q) plain_half(sums, w, q, 4)
#define sums_begin plain_begin
#define sums_scaled plain_scaled
#define sums_store plain_store
#define Floats PlainFloats
#define floats_set plain_floats
#define floats_pairs plain_pairs
#define floats_add plain_multiplied
#define floats_store plain_floats_store
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
typedef struct { __m256 f[2]; } HalfFloats;
TARGET static inline HalfFloats half_floats(float to) { return (HalfFloats){{_mm256_set1_ps(to), _mm256_set1_ps(to)}}; }
TARGET static inline void half_pairs(const uint32_t *from, HalfFloats *first, HalfFloats *second) {
    for (int i = 0; i < 2; i++) {
        __m256i both = _mm256_loadu_si256((const __m256i *)(from + 8 * i));
        first->f[i] = _mm256_castsi256_ps(_mm256_slli_epi32(both, 16));
        second->f[i] = _mm256_castsi256_ps(_mm256_and_si256(both, _mm256_set1_epi32((int)0xffff0000u)));
    }
}
TARGET static inline HalfFloats half_multiplied(HalfFloats sum, HalfFloats x, HalfFloats y) {
    for (int i = 0; i < 2; i++) sum.f[i] = _mm256_fmadd_ps(x.f[i], y.f[i], sum.f[i]);
    return sum;
}
TARGET static inline void half_floats_store(float *to, HalfFloats v) {
    for (int i = 0; i < 2; i++) _mm256_storeu_ps(to + 8 * i, v.f[i]);
}
typedef struct { __m256i s[4]; } PairSums; /* s[i]: rows 4 i .. 4 i + 3, two partial sums each */
TARGET static inline PairSums pair_set(int32_t to) {
    __m256i z = _mm256_set1_epi64x((uint32_t)to);
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
TARGET static inline PairSums pair_half(PairSums sums, const uint8_t *w, const int8_t *q, int shift) {
    __m256i x = _mm256_broadcastq_epi64(_mm_cvtepi8_epi16(_mm_cvtsi32_si128(four(q))));
    for (int i = 0; i < 4; i++) {
        __m256i y = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(w + 16 * i)));
        y = _mm256_and_si256(_mm256_srli_epi16(y, shift), _mm256_set1_epi16(15));
        sums.s[i] = _mm256_add_epi32(sums.s[i], _mm256_madd_epi16(x, y));
    }
    return sums;
}
TARGET static inline __m256i pair_group(const uint8_t *group, int i) {
    return _mm256_cvtepu8_epi64(_mm_cvtsi32_si128(four((const int8_t *)group + 4 * i)));
}
TARGET static inline PairSums pair_begin(const uint8_t *group, int32_t by) {
    PairSums sums;
    for (int i = 0; i < 4; i++)
        sums.s[i] = _mm256_mullo_epi32(_mm256_srli_epi64(pair_group(group, i), 4), _mm256_set1_epi32(by));
    return sums;
}
TARGET static inline PairSums pair_scaled(PairSums to, PairSums part, const uint8_t *group) {
    for (int i = 0; i < 4; i++) {
        __m256i s = _mm256_and_si256(pair_group(group, i), _mm256_set1_epi64x(15));
        s = _mm256_add_epi32(_mm256_or_si256(s, _mm256_slli_epi64(s, 32)), _mm256_set1_epi32(1)); /* of both partial sums */
        to.s[i] = _mm256_add_epi32(to.s[i], _mm256_mullo_epi32(part.s[i], s));
    }
    return to;
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
#define sums_set pair_set
#define sums_add pair_add
#define sums_low(sums, w, q) pair_half(sums, w, q, 0)
#define sums_high(sums, w, q) pair_half(sums, w, q, 4)
#define sums_begin pair_begin
#define sums_scaled pair_scaled
#define sums_store pair_store
#define Floats HalfFloats
#define floats_set half_floats
#define floats_pairs half_pairs
#define floats_add half_multiplied
#define floats_store half_floats_store
#define BLOCKS 1
#define TOKENS 2
#include "arithmetic.h"
#include "undefine.h"

#define TARGET __attribute__((target("avx2,fma,avxvnni")))
typedef struct { __m256i s[2]; } HalfSums;
TARGET static inline HalfSums half_set(int32_t to) {
    __m256i z = _mm256_set1_epi32(to);
    return (HalfSums){{z, z}};
}
TARGET static inline HalfSums half_add(HalfSums sums, const uint8_t *w, const int8_t *q) {
    __m256i x = _mm256_set1_epi32(four(q));
    for (int i = 0; i < 2; i++)
        sums.s[i] = _mm256_dpbusd_avx_epi32(sums.s[i], _mm256_loadu_si256((const __m256i *)(w + 32 * i)), x);
    return sums;
}
TARGET static inline HalfSums half_half(HalfSums sums, const uint8_t *w, const int8_t *q, int shift) {
    __m256i x = _mm256_set1_epi32(four(q));
    for (int i = 0; i < 2; i++) {
        __m256i y = _mm256_srli_epi16(_mm256_loadu_si256((const __m256i *)(w + 32 * i)), shift);
        sums.s[i] = _mm256_dpbusd_avx_epi32(sums.s[i], _mm256_and_si256(y, _mm256_set1_epi8(15)), x);
    }
    return sums;
}
TARGET static inline __m256i half_group(const uint8_t *group, int i) {
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(group + 8 * i)));
}
TARGET static inline HalfSums half_begin(const uint8_t *group, int32_t by) {
    HalfSums sums;
    for (int i = 0; i < 2; i++)
        sums.s[i] = _mm256_madd_epi16(_mm256_srli_epi32(half_group(group, i), 4), _mm256_set1_epi32(by));
    return sums;
}
TARGET static inline HalfSums half_scaled(HalfSums to, HalfSums part, const uint8_t *group) {
    for (int i = 0; i < 2; i++) {
        __m256i s = _mm256_and_si256(half_group(group, i), _mm256_set1_epi32(15));
        to.s[i] = _mm256_dpwssd_avx_epi32(to.s[i], part.s[i], _mm256_add_epi32(s, _mm256_set1_epi32(1)));
    }
    return to;
}
TARGET static inline void half_store(int32_t *to, HalfSums v) {
    for (int i = 0; i < 2; i++) _mm256_storeu_si256((__m256i *)(to + 8 * i), v.s[i]);
}
#define NAME(f) f##_avx_vnni
#define Sums HalfSums
#define sums_set half_set
#define sums_add half_add
#define sums_low(sums, w, q) half_half(sums, w, q, 0)
#define sums_high(sums, w, q) half_half(sums, w, q, 4)
#define sums_begin half_begin
#define sums_scaled half_scaled
#define sums_store half_store
#define Floats HalfFloats
#define floats_set half_floats
#define floats_pairs half_pairs
#define floats_add half_multiplied
#define floats_store half_floats_store
#define BLOCKS 1
#define TOKENS 4
#include "arithmetic.h"
#include "undefine.h"

#define TARGET __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
TARGET static inline __m512i wide_set(int32_t to) { return _mm512_set1_epi32(to); }
TARGET static inline __m512i wide_add(__m512i sums, const uint8_t *w, const int8_t *q) {
    return _mm512_dpbusd_epi32(sums, _mm512_loadu_si512(w), _mm512_set1_epi32(four(q)));
}
TARGET static inline __m512i wide_half(__m512i sums, const uint8_t *w, const int8_t *q, int shift) {
    __m512i y = _mm512_and_si512(_mm512_srli_epi16(_mm512_loadu_si512(w), (unsigned)shift), _mm512_set1_epi8(15));
    return _mm512_dpbusd_epi32(sums, y, _mm512_set1_epi32(four(q)));
}
TARGET static inline __m512i wide_group(const uint8_t *group) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)group));
}
TARGET static inline __m512i wide_begin(const uint8_t *group, int32_t by) {
    return _mm512_madd_epi16(_mm512_srli_epi32(wide_group(group), 4), _mm512_set1_epi32(by));
}
TARGET static inline __m512i wide_scaled(__m512i to, __m512i part, const uint8_t *group) {
    __m512i s = _mm512_and_si512(wide_group(group), _mm512_set1_epi32(15));
    return _mm512_dpwssd_epi32(to, part, _mm512_add_epi32(s, _mm512_set1_epi32(1)));
}
TARGET static inline void wide_pairs(const uint32_t *from, __m512 *first, __m512 *second) {
    __m512i both = _mm512_loadu_si512(from);
    *first = _mm512_castsi512_ps(_mm512_slli_epi32(both, 16));
    *second = _mm512_castsi512_ps(_mm512_and_si512(both, _mm512_set1_epi32((int)0xffff0000u)));
}
TARGET static inline __m512 wide_multiplied(__m512 sum, __m512 x, __m512 y) { return _mm512_fmadd_ps(x, y, sum); }
TARGET static inline void wide_store(int32_t *to, __m512i v) { _mm512_storeu_si512(to, v); }
#define NAME(f) f##_avx512_vnni
#define Sums __m512i
#define sums_set wide_set
#define sums_add wide_add
#define sums_low(sums, w, q) wide_half(sums, w, q, 0)
#define sums_high(sums, w, q) wide_half(sums, w, q, 4)
#define sums_begin wide_begin
#define sums_scaled wide_scaled
#define sums_store wide_store
#define Floats __m512
#define floats_set _mm512_set1_ps
#define floats_pairs wide_pairs
#define floats_add wide_multiplied
#define floats_store _mm512_storeu_ps
#define BLOCKS 4
#define TOKENS 4
#include "arithmetic.h"
#include "undefine.h"
#endif
