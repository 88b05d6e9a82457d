/* Vectors of four, the exponential, and the one product everything else is made of: rows times rows. */
#ifndef RDP_NUMBERS_H
#define RDP_NUMBERS_H
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef double v4 __attribute__((vector_size(32)));
typedef double v4u __attribute__((vector_size(32), aligned(8), may_alias)); /* load through this, never by memcpy */
typedef int64_t v4i __attribute__((vector_size(32)));
#define LOAD(a) (*(const v4u *)(a))

/* exp(x) for x <= 0 within about one ulp, 0 below -708; inlined, so that the compiler vectorises the pass around it.
   x = k log 2 + r, k by adding and subtracting 1.5 2^52, a polynomial in r, k into the exponent bits. The proof of a
   bracket does not rest on it: the judge has an exponential of its own. */
static inline double exp_negative(double x) {
    double y = x < -708.0 ? -708.0 : x;
    union { double d; uint64_t i; } u, scale;
    u.d = y * 1.4426950408889634 + 6755399441055744.0;
    double k = u.d - 6755399441055744.0;
    double r = (y - k * 0.693147180369123816490) - k * 1.90821492927058770002e-10;
    double q = 1.0 / 6227020800.0;
    q = q * r + 1.0 / 479001600.0;
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
    scale.i = (u.i << 52) + UINT64_C(0x3ff0000000000000);
    return x < -708.0 ? 0.0 : q * scale.d;
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

static inline double sum4(v4 a) { return (a[0] + a[1]) + (a[2] + a[3]); }

static inline v4 smaller4(v4 x, v4 y) {
    v4i take = x < y;
    return (v4)(((v4i)x & take) | ((v4i)y & ~take));
}

/* min_k a_k. */
static inline double least_of(const double *a, int64_t n) {
    v4 four = {INFINITY, INFINITY, INFINITY, INFINITY};
    int64_t k = 0;
    for (; k + 4 <= n; k += 4) four = smaller4(LOAD(a + k), four);
    double least = INFINITY;
    for (int i = 0; i < 4; i++) least = four[i] < least ? four[i] : least;
    for (; k < n; k++) least = a[k] < least ? a[k] : least;
    return least;
}

/* min(0, min_k a_k / b_k). */
static inline double least_ratio(const double *a, const double *b, int64_t n) {
    v4 four = {0};
    int64_t k = 0;
    for (; k + 4 <= n; k += 4) four = smaller4(LOAD(a + k) / LOAD(b + k), four);
    double least = 0.0;
    for (int i = 0; i < 4; i++) least = four[i] < least ? four[i] : least;
    for (; k < n; k++) least = a[k] / b[k] < least ? a[k] / b[k] : least;
    return least;
}

/* min(0, min_k a_k + x b_k + y c_k). */
static inline double least_mixed(const double *a, const double *b, const double *c, double x, double y, int64_t n) {
    v4 four = {0};
    int64_t k = 0;
    for (; k + 4 <= n; k += 4) four = smaller4(LOAD(a + k) + x * LOAD(b + k) + y * LOAD(c + k), four);
    double least = 0.0;
    for (int i = 0; i < 4; i++) least = four[i] < least ? four[i] : least;
    for (; k < n; k++) {
        double sum = a[k] + x * b[k] + y * c[k];
        least = sum < least ? sum : least;
    }
    return least;
}

static inline double larger(double x, double y) { return x > y ? x : y; } /* fmax and fmin would be calls */
static inline double smaller(double x, double y) { return x < y ? x : y; }

static inline double clip(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

static inline double dot(const double *a, const double *b, int64_t n) {
    v4 one = {0}, two = {0};
    int64_t k = 0;
    for (; k + 8 <= n; k += 8) {
        one += LOAD(a + k) * LOAD(b + k);
        two += LOAD(a + k + 4) * LOAD(b + k + 4);
    }
    double total = sum4(one + two);
    for (; k < n; k++) total += a[k] * b[k];
    return total;
}

static inline double total_of(const double *a, int64_t n) {
    v4 four = {0};
    int64_t k = 0;
    for (; k + 4 <= n; k += 4) four += LOAD(a + k);
    double total = sum4(four);
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

/* out[4 i + j] = <row i of a, row j of b> for four rows each. */
void dots44(const double *a, int64_t lda, const double *b, int64_t ldb, int64_t n, double *out);

/* C = A B', rows of A (na, k) with rows of B (nb, k); `lower` forms j <= i only. */
void rows_with_rows(const double *A, int64_t na, const double *B, int64_t nb, int64_t k, double *C, int64_t ldc, int lower);

/* y = A x and y = A' x for A (n, m) row by row. */
void product(const double *A, int64_t n, int64_t m, const double *x, double *y);
void transposed_product(const double *A, int64_t n, int64_t m, const double *x, double *y);

/* Cholesky factor of the lower triangle in place, but for its diagonal, which holds inverses: to divide takes longer than
   all else in a row. 0 if the matrix is not positive definite. */
int cholesky(double *L, int64_t n);

/* A symmetric positive matrix scaled to a unit diagonal and factored with the least lift of the diagonal that works.
   On entry the lower triangle of M, on exit its factor; `scale` holds 1/sqrt(diagonal). M_copy has room for M. */
int factor_scaled(double *M, double *M_copy, double *scale, const double *diagonal, int64_t n);

/* The same with a scale and lifts of the caller's. */
int factor_lifted(double *M, double *M_copy, const double *scale, const double *diagonal, int64_t n, const double *lifts, int count);

/* x = M^-1 x for such a factor: substitution only, an explicit inverse loses the small scales. */
void solve_scaled(const double *L, const double *scale, int64_t n, double *x);

/* Rows of X (rows, n): x = L^-1 (scale x), row by row in place. */
void forward_rows(const double *L, const double *scale, int64_t n, double *X, int64_t rows);

/* Gauss with row exchanges on a small system; 0 if it is singular. */
int solve_small(double *A, int64_t n, double *x);
#endif
