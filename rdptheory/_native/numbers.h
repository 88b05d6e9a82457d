/* Vectors of four, the exponential, and the one product everything else is made of: columns times columns. */
#ifndef RDP_NUMBERS_H
#define RDP_NUMBERS_H
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__AVX__)
#include <immintrin.h>
#endif

/* As wide as the registers: a compiler that splits wider vectors keeps them in memory. */
#if defined(__AVX__)
#define WIDTH 4
#else
#define WIDTH 2
#endif
typedef double vec __attribute__((vector_size(8 * WIDTH)));
typedef double vecu __attribute__((vector_size(8 * WIDTH), aligned(8), may_alias)); /* load through this, never by memcpy */
typedef int64_t veci __attribute__((vector_size(8 * WIDTH)));
typedef uint64_t vecn __attribute__((vector_size(8 * WIDTH)));
#define LOAD(a) (*(const vecu *)(a))
#define STORE(a) (*(vecu *)(a))

typedef double v4 __attribute__((vector_size(32))); /* where four rows meet */
typedef double v4u __attribute__((vector_size(32), aligned(8), may_alias));
typedef int64_t v4i __attribute__((vector_size(32)));
#define LOAD4(a) (*(const v4u *)(a))
#define STORE4(a) (*(v4u *)(a))

#define LINE 8 /* doubles in a line of the cache */

/* Arrays of the length n of a table's rows are filled up to whole vectors, with zeros where nothing else is said; so are
   the rows of tables and matrices. Those stand this far apart: a large power of two would bring a column into few sets of
   the cache. */
static inline int64_t whole(int64_t n) { return (n + 3) / 4 * 4; }
static inline int64_t stride_of(int64_t n) { return whole(n) % 64 ? whole(n) : n + LINE; }

/* exp(x) for x <= 0 within about one ulp, 0 below -708. x = k log 2 + r, k by adding and subtracting 1.5 2^52, a polynomial
   in r, k into the exponent bits. The proof of a bracket does not rest on it: the judge has an exponential of its own. */
static inline vec exp_negative(vec x) {
    const double magic = 6755399441055744.0;
    veci far = x < -708.0;
    vec y = (vec)((veci)x & ~far), shifted = y * 1.4426950408889634 + magic, k = shifted - magic; /* exp(0), dropped below */
    vec r = (y - k * 0.693147180369123816490) - k * 1.90821492927058770002e-10;
    vec q = r * (1.0 / 6227020800.0) + 1.0 / 479001600.0;
    q = q * r + 1.0 / 39916800.0;
    q = q * r + 1.0 / 3628800.0;
    q = q * r + 1.0 / 362880.0;
    q = q * r + 1.0 / 40320.0;
    q = q * r + 1.0 / 5040.0;
    q = q * r + 1.0 / 720.0;
    q = q * r + 1.0 / 120.0;
    q = q * r + 1.0 / 24.0;
    q = q * r + 1.0 / 6.0;
    q = q * r + 0.5;
    q = q * r + 1.0;
    q = q * r + 1.0;
    vecn power = ((vecn)shifted << 52) + UINT64_C(0x3ff0000000000000);
    return (vec)((veci)(q * (vec)power) & ~far);
}

#if defined(__clang__)
#define PICK(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#else
#define PICK(a, b, i, j, k, l) __builtin_shuffle(a, b, (v4i){i, j, k, l})
#endif

/* The sums of four vectors, side by side. */
static inline v4 sums4(v4 a, v4 b, v4 c, v4 d) {
    v4 ab = PICK(a, b, 0, 4, 2, 6) + PICK(a, b, 1, 5, 3, 7), cd = PICK(c, d, 0, 4, 2, 6) + PICK(c, d, 1, 5, 3, 7);
    return PICK(ab, cd, 0, 1, 4, 5) + PICK(ab, cd, 2, 3, 6, 7);
}

static inline double larger(double x, double y) { return x > y ? x : y; } /* fmax and fmin would be calls */
static inline double smaller(double x, double y) { return x < y ? x : y; }

static inline double clip(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

/* Entry by entry, where the second stays if one is no number. */
#if defined(__AVX__) /* one instruction, which no compiler makes of the others */
static inline vec smaller_of(vec x, vec y) { return (vec)_mm256_min_pd((__m256d)x, (__m256d)y); }
static inline vec larger_of(vec x, vec y) { return (vec)_mm256_max_pd((__m256d)x, (__m256d)y); }
#else
static inline vec chosen_of(veci take, vec x, vec y) { return (vec)(((veci)x & take) | ((veci)y & ~take)); }
static inline vec smaller_of(vec x, vec y) { return chosen_of(x < y, x, y); }
static inline vec larger_of(vec x, vec y) { return chosen_of(x > y, x, y); }
#endif

/* Over the entries of one. */
static inline double sum_in(vec a) { return WIDTH == 4 ? (a[0] + a[1]) + (a[WIDTH - 2] + a[WIDTH - 1]) : a[0] + a[1]; }
static inline double least_in(vec a) { return smaller(smaller(a[0], a[1]), smaller(a[WIDTH - 2], a[WIDTH - 1])); }
static inline double greatest_in(vec a) { return larger(larger(a[0], a[1]), larger(a[WIDTH - 2], a[WIDTH - 1])); }

/* min(0, min_k a_k / b_k). */
static inline double least_ratio(const double *a, const double *b, int64_t n) {
    vec some = {0};
    int64_t k = 0;
    for (; k + WIDTH <= n; k += WIDTH) some = smaller_of(LOAD(a + k) / LOAD(b + k), some);
    double least = least_in(some);
    for (; k < n; k++) least = smaller(a[k] / b[k], least);
    return least;
}

/* min(0, min_k a_k b_k). */
static inline double least_product(const double *a, const double *b, int64_t n) {
    vec some = {0};
    int64_t k = 0;
    for (; k + WIDTH <= n; k += WIDTH) some = smaller_of(LOAD(a + k) * LOAD(b + k), some);
    double least = least_in(some);
    for (; k < n; k++) least = smaller(a[k] * b[k], least);
    return least;
}

/* out[u] = min(0, min_k a_k + x b_k + y_u c_k). */
static inline void least_mixed(const double *a, const double *b, const double *c, double x, const double *y, int64_t n, double *out) {
    vec first = {0}, second = {0}, third = {0};
    int64_t k = 0;
    for (; k + WIDTH <= n; k += WIDTH) {
        vec sum = LOAD(a + k) + x * LOAD(b + k), along = LOAD(c + k);
        first = smaller_of(sum + y[0] * along, first);
        second = smaller_of(sum + y[1] * along, second);
        third = smaller_of(sum + y[2] * along, third);
    }
    out[0] = least_in(first), out[1] = least_in(second), out[2] = least_in(third);
    for (; k < n; k++)
        for (int u = 0; u < 3; u++) out[u] = smaller(a[k] + x * b[k] + y[u] * c[k], out[u]);
}

static inline double dot(const double *a, const double *b, int64_t n) {
    vec one = {0}, two = {0};
    int64_t k = 0;
    for (; k + 2 * WIDTH <= n; k += 2 * WIDTH) {
        one += LOAD(a + k) * LOAD(b + k);
        two += LOAD(a + k + WIDTH) * LOAD(b + k + WIDTH);
    }
    double total = sum_in(one + two);
    for (; k < n; k++) total += a[k] * b[k];
    return total;
}

static inline double total_of(const double *a, int64_t n) {
    vec some = {0};
    int64_t k = 0;
    for (; k + WIDTH <= n; k += WIDTH) some += LOAD(a + k);
    double total = sum_in(some);
    for (; k < n; k++) total += a[k];
    return total;
}

/* The next `count` doubles of the memory at `at`, if there is any; `used` counts them in either case. */
static inline double *take(double **at, int64_t count, int64_t *used) {
    double *here = *at;
    if (here) *at += count;
    *used += count;
    return here;
}

/* The same in whole lines of the cache. */
static inline double *take_lines(double **at, int64_t count, int64_t *used) {
    return take(at, (count + LINE - 1) / LINE * LINE, used);
}

/* The start of the first line in `work`, which is asked to have one line more. */
static inline double *first_line(double *work) {
    return work ? work + (size_t)(-(uintptr_t)work % (LINE * sizeof(double))) / sizeof(double) : NULL;
}

/* C = A'B for A (k, na) and B (k, nb), na and nb filled up, rows lda, ldb and ldc apart; `upper` forms j >= i only. */
void columns_with_columns(const double *A, int64_t lda, int64_t na, const double *B, int64_t ldb, int64_t nb, int64_t k,
                          double *C, int64_t ldc, int upper);

/* C = A A' for rows of A (n, k), j >= i only. */
void rows_with_rows(const double *A, int64_t n, int64_t k, double *C, int64_t ldc);

/* y = A x and y = A'x for A (n, m) with rows lda apart. */
void product(const double *A, int64_t lda, int64_t n, int64_t m, const double *x, double *y);
void transposed_product(const double *A, int64_t lda, int64_t n, int64_t m, const double *x, double *y);

/* A symmetric positive matrix, scaled and factored: scale M scale + lift = U'diag(pivot) U, with ones on the diagonal of U,
   so that a substitution waits for no division. */
typedef struct {
    int64_t n, stride;
    double *M, *diagonal, *scale; /* the strict upper triangle, its diagonal apart, what both are scaled by (filled up) */
    double *U, *pivot, *inverse, *panel; /* 1/pivot; scratch */
} Matrix;

/* Its place, with zeros where it is filled up. */
Matrix take_matrix(double **at, int64_t n, int64_t *used);

/* The factor with the least lift of the diagonal that works; 0 if none does. */
int factor_lifted(Matrix *is, const double *lifts, int count);

/* The same, scaled to a unit diagonal. */
int factor_scaled(Matrix *is);

/* x = M^-1 x (filled up) for such a factor: substitution only, an explicit inverse loses the small scales. */
void solve_scaled(const Matrix *is, double *x);

/* X = pivot^(-1/2) U^-T scale X in place, X (n filled up, columns filled up): M^-1 is the product of two of these. */
void forward_columns(const Matrix *is, double *X, int64_t stride, int64_t columns);

/* Gauss with row exchanges on a small system; 0 if it is singular. */
int solve_small(double *A, int64_t n, double *x);
#endif
