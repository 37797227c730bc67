/* Weights to 4 bits: for each group of 16 neighbours of a row the scale and the zero that lose least. */

#include "decode.h"

#define MOST 16    /* of a group's scale */
#define HIGHEST 15 /* code */

/* code[16] = x / step + zero, so that scale * (code - zero) fits into 8 bits. Returns the squared error. */
static float round_group(const float *x, float step, int scale, int zero, uint8_t *codes) {
    float inverse = step > 0 ? 1.0f / step : 0.0f, error = 0;
    int low = zero - 128 / scale, high = zero + 127 / scale;
    float lowest = low > 0 ? (float)low : 0.0f, highest = high < HIGHEST ? (float)high : (float)HIGHEST;
    for (int i = 0; i < LANES; i++) {
        float code = x[i] * inverse + (float)zero;
        code = code < lowest ? lowest : code > highest ? highest : code;
        int32_t whole = (int32_t)(code + 0.5f);
        float lost = x[i] - step * (float)(whole - zero);
        codes[i] = (uint8_t)whole;
        error += lost * lost;
    }
    return error;
}

/* weight[n][k], k a multiple of 16, is about scale[n] * (group's scale) * (code[n][k] - group's zero);
   group[n][k / 16] as in decode.h. */
void fischgpt_round4(const float *weight, int n, int k, uint8_t *codes, uint8_t *group, float *scale) {
    for (int row = 0; row < n; row++, weight += k) {
        float largest = 0;
        for (int i = 0; i < k; i++) largest = __builtin_fabsf(weight[i]) > largest ? __builtin_fabsf(weight[i]) : largest;
        scale[row] = largest / (MOST * HIGHEST / 2.0f);
        for (const float *x = weight; x < weight + k; x += LANES, codes += LANES, group++) {
            float low = 0, high = 0, least = 0;
            for (int j = 0; j < LANES; j++) {
                low = x[j] < low ? x[j] : low;
                high = x[j] > high ? x[j] : high;
            }
            int middle = largest > 0 ? (int)((high - low) / (HIGHEST * scale[row]) + 0.5f) : 1, tried = 0;
            for (int s = middle - 1; s <= middle + 1; s++) {
                if (s < 1 || s > MOST) continue;
                float step = scale[row] * (float)s;
                int zero = step > 0 ? (int)(-low / step + 0.5f) : 0;
                zero = zero > HIGHEST ? HIGHEST : zero;
                uint8_t found[LANES];
                float error = round_group(x, step, s, zero, found);
                if (tried++ && error >= least) continue;
                least = error;
                *group = (uint8_t)(zero << 4 | (s - 1));
                __builtin_memcpy(codes, found, LANES);
            }
        }
    }
}
