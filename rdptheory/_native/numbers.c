/* Products and factors. Blocks of sums in registers carry the speed; beyond DEEP rows the operands are packed, or every
   load would be of another page. */
#include "numbers.h"

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

/* t[a][b] = sum_k A[k][a] B[k][WIDTH b .. WIDTH (b + 1)): four columns with two vectors of columns, or with one. Eight sums,
   two vectors and what is spread over a third fit the sixteen registers. */
INLINE void tile(const double *A, int64_t lda, const double *B, int64_t ldb, int64_t count, int both, vec t[4][2]) {
    vec c00 = {0}, c01 = {0}, c10 = {0}, c11 = {0}, c20 = {0}, c21 = {0}, c30 = {0}, c31 = {0};
    for (int64_t k = 0; k < count; k++, A += lda, B += ldb) {
        vec x = LOAD(B), y = x;
        if (both) y = LOAD(B + WIDTH);
        c00 += A[0] * x; c10 += A[1] * x; c20 += A[2] * x; c30 += A[3] * x;
        if (both) { c01 += A[0] * y; c11 += A[1] * y; c21 += A[2] * y; c31 += A[3] * y; }
    }
    t[0][0] = c00; t[1][0] = c10; t[2][0] = c20; t[3][0] = c30;
    t[0][1] = c01; t[1][1] = c11; t[2][1] = c21; t[3][1] = c31;
}

#define DEEP 128  /* rows of a packed block: two vectors of columns of it stay in the first cache, */
#define BROAD 128 /* and so many columns in the second */

/* C = A' diag(by) B, or C -= that, in blocks of rows: both operands packed, strips of four columns and of two vectors. */
static void packed_columns(const double *A, int64_t lda, int64_t na, const double *B, int64_t ldb, int64_t nb, int64_t k,
                           const double *by, double *C, int64_t ldc, int upper, int less) {
    __attribute__((aligned(64))) double left[DEEP * BROAD], right[DEEP * 2 * WIDTH];
    vec t[4][2];
    for (int64_t k0 = 0; k0 < k; k0 += DEEP)
        for (int64_t i0 = 0; i0 < na; i0 += BROAD) {
            int64_t deep = k - k0 < DEEP ? k - k0 : DEEP, broad = na - i0 < BROAD ? na - i0 : BROAD;
            for (int64_t i = 0; i < broad; i += 4)
                for (int64_t r = 0; r < deep; r++)
                    for (int a = 0; a < 4; a++)
                        left[i * deep + 4 * r + a] = A[(k0 + r) * lda + i0 + i + a] * (by ? by[k0 + r] : 1.0);
            for (int64_t j = upper ? i0 / (2 * WIDTH) * (2 * WIDTH) : 0; j < nb; j += 2 * WIDTH) {
                int both = j + 2 * WIDTH <= nb;
                for (int64_t r = 0; r < deep; r++) {
                    const double *b = B + (k0 + r) * ldb + j;
                    STORE(right + r * 2 * WIDTH) = LOAD(b);
                    if (both) STORE(right + r * 2 * WIDTH + WIDTH) = LOAD(b + WIDTH);
                }
                for (int64_t i = 0; i < broad && (!upper || i0 + i < j + 2 * WIDTH); i += 4) {
                    if (both) tile(left + i * deep, 4, right, 2 * WIDTH, deep, 1, t);
                    else tile(left + i * deep, 4, right, 2 * WIDTH, deep, 0, t);
                    for (int a = 0; a < 4; a++)
                        for (int b = 0; b <= both; b++) {
                            double *c = C + (i0 + i + a) * ldc + j + b * WIDTH;
                            vec sum = t[a][b];
                            if (less) sum = LOAD(c) - sum;
                            else if (k0) sum = LOAD(c) + sum;
                            STORE(c) = sum;
                        }
                }
            }
        }
}

void columns_with_columns(const double *A, int64_t lda, int64_t na, const double *B, int64_t ldb, int64_t nb, int64_t k,
                          double *C, int64_t ldc, int upper) {
    if (k > DEEP) {
        packed_columns(A, lda, na, B, ldb, nb, k, NULL, C, ldc, upper, 0);
        return;
    }
    vec t[4][2];
    for (int64_t i = 0; i < na; i += 4) {
        int64_t j = upper ? i : 0;
        for (; j + 2 * WIDTH <= nb; j += 2 * WIDTH) {
            tile(A + i, lda, B + j, ldb, k, 1, t);
            for (int a = 0; a < 4; a++) STORE(C + (i + a) * ldc + j) = t[a][0], STORE(C + (i + a) * ldc + j + WIDTH) = t[a][1];
        }
        if (j >= nb) continue;
        tile(A + i, lda, B + j, ldb, k, 0, t);
        for (int a = 0; a < 4; a++) STORE(C + (i + a) * ldc + j) = t[a][0];
    }
}

/* Four rows with one. */
INLINE v4 dots41(const double *a, int64_t lda, const double *x, int64_t n) {
    v4 c0 = {0}, c1 = {0}, c2 = {0}, c3 = {0}, d0 = {0}, d1 = {0}, d2 = {0}, d3 = {0};
    const double *a0 = a, *a1 = a + lda, *a2 = a + 2 * lda, *a3 = a + 3 * lda;
    int64_t k = 0;
    for (; k + 8 <= n; k += 8) {
        v4 y = LOAD4(x + k), z = LOAD4(x + k + 4);
        c0 += LOAD4(a0 + k) * y; d0 += LOAD4(a0 + k + 4) * z;
        c1 += LOAD4(a1 + k) * y; d1 += LOAD4(a1 + k + 4) * z;
        c2 += LOAD4(a2 + k) * y; d2 += LOAD4(a2 + k + 4) * z;
        c3 += LOAD4(a3 + k) * y; d3 += LOAD4(a3 + k + 4) * z;
    }
    if (k + 4 <= n) {
        v4 y = LOAD4(x + k);
        c0 += LOAD4(a0 + k) * y; c1 += LOAD4(a1 + k) * y; c2 += LOAD4(a2 + k) * y; c3 += LOAD4(a3 + k) * y;
        k += 4;
    }
    v4 out = sums4(c0 + d0, c1 + d1, c2 + d2, c3 + d3);
    for (; k < n; k++) out += x[k] * (v4){a0[k], a1[k], a2[k], a3[k]};
    return out;
}

/* Four rows of A with two: x[0] has the sums with the first. */
INLINE void dots42(const double *a, int64_t lda, const double *b, int64_t ldb, int64_t n, v4 x[2]) {
    v4 c00 = {0}, c01 = {0}, c10 = {0}, c11 = {0}, c20 = {0}, c21 = {0}, c30 = {0}, c31 = {0};
    const double *a0 = a, *a1 = a + lda, *a2 = a + 2 * lda, *a3 = a + 3 * lda, *b0 = b, *b1 = b + ldb;
    int64_t k = 0;
    for (; k + 4 <= n; k += 4) {
        v4 y0 = LOAD4(b0 + k), y1 = LOAD4(b1 + k), y;
        y = LOAD4(a0 + k); c00 += y * y0; c01 += y * y1;
        y = LOAD4(a1 + k); c10 += y * y0; c11 += y * y1;
        y = LOAD4(a2 + k); c20 += y * y0; c21 += y * y1;
        y = LOAD4(a3 + k); c30 += y * y0; c31 += y * y1;
    }
    x[0] = sums4(c00, c10, c20, c30);
    x[1] = sums4(c01, c11, c21, c31);
    for (; k < n; k++) {
        v4 y = {a0[k], a1[k], a2[k], a3[k]};
        x[0] += b0[k] * y;
        x[1] += b1[k] * y;
    }
}

void rows_with_rows(const double *A, int64_t n, int64_t k, double *C, int64_t ldc) {
    v4 x[2];
    for (int64_t i = 0; i < n; i += 2) {
        int64_t j = i;
        for (; i + 2 <= n && j + 4 <= n; j += 4) {
            dots42(A + j * k, k, A + i * k, k, k, x);
            STORE4(C + i * ldc + j) = x[0];
            STORE4(C + (i + 1) * ldc + j) = x[1];
        }
        for (int64_t a = i; a < i + 2 && a < n; a++)
            for (int64_t b = j; b < n; b++) C[a * ldc + b] = dot(A + a * k, A + b * k, k);
    }
}

void product(const double *A, int64_t lda, int64_t n, int64_t m, const double *x, double *y) {
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) STORE4(y + i) = dots41(A + i * lda, lda, x, m);
    for (; i < n; i++) y[i] = dot(A + i * lda, x, m);
}

void transposed_product(const double *A, int64_t lda, int64_t n, int64_t m, const double *x, double *y) {
    int64_t j = 0;
    for (; j + 4 * WIDTH <= m; j += 4 * WIDTH) { /* rows by twos: as many sums as the latency of one asks for */
        vec a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0}, b0 = {0}, b1 = {0}, b2 = {0}, b3 = {0};
        const double *a = A + j, *b = a + lda;
        int64_t i = 0;
        for (; i + 2 <= n; i += 2, a += 2 * lda, b += 2 * lda) {
            double s = x[i], t = x[i + 1];
            a0 += s * LOAD(a); a1 += s * LOAD(a + WIDTH); a2 += s * LOAD(a + 2 * WIDTH); a3 += s * LOAD(a + 3 * WIDTH);
            b0 += t * LOAD(b); b1 += t * LOAD(b + WIDTH); b2 += t * LOAD(b + 2 * WIDTH); b3 += t * LOAD(b + 3 * WIDTH);
        }
        if (i < n) {
            double s = x[i];
            a0 += s * LOAD(a); a1 += s * LOAD(a + WIDTH); a2 += s * LOAD(a + 2 * WIDTH); a3 += s * LOAD(a + 3 * WIDTH);
        }
        STORE(y + j) = a0 + b0; STORE(y + j + WIDTH) = a1 + b1;
        STORE(y + j + 2 * WIDTH) = a2 + b2; STORE(y + j + 3 * WIDTH) = a3 + b3;
    }
    for (; j + WIDTH <= m; j += WIDTH) {
        vec a = {0}, b = {0};
        for (int64_t i = 0; i + 2 <= n; i += 2) a += x[i] * LOAD(A + i * lda + j), b += x[i + 1] * LOAD(A + (i + 1) * lda + j);
        if (n % 2) a += x[n - 1] * LOAD(A + (n - 1) * lda + j);
        STORE(y + j) = a + b;
    }
    for (; j < m; j++) {
        double sum = 0.0;
        for (int64_t i = 0; i < n; i++) sum += x[i] * A[i * lda + j];
        y[j] = sum;
    }
}

Matrix take_matrix(double **at, int64_t n, int64_t *used) {
    int64_t wide = whole(n), stride = stride_of(n);
    Matrix is = {n, stride, NULL, NULL, NULL, NULL, NULL, NULL, NULL};
    is.M = take_lines(at, wide * stride, used);
    is.U = take_lines(at, wide * stride, used);
    is.panel = take_lines(at, 4 * wide, used);
    double **rows[] = {&is.diagonal, &is.scale, &is.pivot, &is.inverse};
    for (int k = 0; k < 4; k++) *rows[k] = take_lines(at, wide, used);
    for (int64_t i = n; is.M && i < wide; i++) {
        is.diagonal[i] = is.scale[i] = 0.0;
        for (int64_t j = 0; j < wide; j++) is.M[j * stride + i] = is.M[i * stride + j] = 0.0;
    }
    return is;
}

/* The factor of the four rows from k on, within the block on the diagonal: `t` holds what the rows above take from it. */
static int corner(const Matrix *is, int64_t k, double lift, vec t[4][2]) {
    const double *scale = is->scale + k;
    double S[4][4];
    for (int a = 0; a < 4; a++)
        for (int b = a; b < 4; b++) {
            double entry = a == b ? is->diagonal[k + a] : is->M[(k + a) * is->stride + k + b];
            S[a][b] = entry * scale[a] * scale[b] - t[a][b / WIDTH][b % WIDTH];
        }
    for (int a = 0; a < 4; a++) {
        double *row = is->U + (k + a) * is->stride + k, pivot = S[a][a] + lift;
        int filled = k + a >= is->n; /* up with the unit matrix */
        if (filled) pivot = 1.0;
        if (!(pivot > 0.0) || !isfinite(pivot)) return 0;
        is->pivot[k + a] = pivot;
        is->inverse[k + a] = 1.0 / pivot;
        for (int b = a + 1; b < 4; b++) row[b] = filled ? 0.0 : S[a][b] * is->inverse[k + a];
        for (int b = a + 1; b < 4; b++)
            for (int c = b; c < 4; c++) S[b][c] -= row[b] * S[a][c];
    }
    return 1;
}

/* Rows k to k + 4 of U, a vector of columns from j on, and of the scaled matrix less what the rows above take from it. */
INLINE void rows_of_factor(const Matrix *is, int64_t k, int64_t j, vec t0, vec t1, vec t2, vec t3) {
    const double *M = is->M + k * is->stride + j, *scale = is->scale + k, *inverse = is->inverse + k;
    double *U = is->U + k * is->stride + j;
    const double *r0 = is->U + k * is->stride + k, *r1 = r0 + is->stride, *r2 = r1 + is->stride; /* the corner */
    vec across = LOAD(is->scale + j);
    t0 = LOAD(M) * across * scale[0] - t0;
    t1 = LOAD(M + is->stride) * across * scale[1] - t1 - r0[1] * t0;
    t2 = LOAD(M + 2 * is->stride) * across * scale[2] - t2 - r0[2] * t0 - r1[2] * t1;
    t3 = LOAD(M + 3 * is->stride) * across * scale[3] - t3 - r0[3] * t0 - r1[3] * t1 - r2[3] * t2;
    STORE(U) = t0 * inverse[0];
    STORE(U + is->stride) = t1 * inverse[1];
    STORE(U + 2 * is->stride) = t2 * inverse[2];
    STORE(U + 3 * is->stride) = t3 * inverse[3];
}

/* t = what rows `from` to k of U take from four rows and two vectors of columns, or one; those above them left theirs in
   the place of U itself. */
INLINE void taken(const Matrix *is, int64_t from, int64_t k, int64_t j, int both, vec t[4][2]) {
    const double *U = is->U + k * is->stride + j;
    tile(is->panel + 4 * from, 4, is->U + from * is->stride + j, is->stride, k - from, both, t);
    for (int a = 0; from && a < 4; a++)
        for (int b = 0; b <= both; b++) t[a][b] += LOAD(U + a * is->stride + b * WIDTH);
}

/* Four rows at a time: S = M - (those above)'pivot (those above), then row by row within the four. */
static int factor(const Matrix *is, double lift) {
    int64_t wide = whole(is->n), stride = is->stride;
    double *U = is->U, *panel = is->panel;
    vec t[4][2];
    for (int64_t k = 0, from = 0; k < wide; k += 4) {
        if (k == from + DEEP) { /* what all rows so far take from the next ones, in one product */
            from = k;
            int64_t rows = wide - k < DEEP ? wide - k : DEEP;
            packed_columns(U + k, stride, rows, U + k, stride, wide - k, k, is->pivot, U + k * stride + k, stride, 1, 0);
        }
        for (int64_t i = from; i < k; i++)
            for (int a = 0; a < 4; a++) panel[4 * i + a] = is->pivot[i] * U[i * stride + k + a];
        taken(is, from, k, k, WIDTH < 4, t);
        if (!corner(is, k, lift, t)) return 0;
        int64_t j = k + 4;
        for (; j + 2 * WIDTH <= wide; j += 2 * WIDTH) {
            taken(is, from, k, j, 1, t);
            rows_of_factor(is, k, j, t[0][0], t[1][0], t[2][0], t[3][0]);
            rows_of_factor(is, k, j + WIDTH, t[0][1], t[1][1], t[2][1], t[3][1]);
        }
        if (j >= wide) continue;
        taken(is, from, k, j, 0, t);
        rows_of_factor(is, k, j, t[0][0], t[1][0], t[2][0], t[3][0]);
    }
    return 1;
}

int factor_lifted(Matrix *is, const double *lifts, int count) {
    for (int t = 0; t < count; t++)
        if (factor(is, lifts[t])) return 1;
    return 0;
}

int factor_scaled(Matrix *is) {
    static const double lifts[5] = {0.0, 1e-15, 1e-13, 1e-11, 1e-9};
    for (int64_t i = 0; i < is->n; i++) {
        if (!(is->diagonal[i] > 0.0) || !isfinite(is->diagonal[i])) return 0;
        is->scale[i] = 1.0 / sqrt(is->diagonal[i]);
    }
    return factor_lifted(is, lifts, 5);
}

void solve_scaled(const Matrix *is, double *x) {
    int64_t wide = whole(is->n), stride = is->stride;
    for (int64_t i = 0; i < wide; i++) x[i] *= is->scale[i];
    for (int64_t k = 0; k < wide; k += 4) { /* U'y = x: a row of U takes its unknown from all that follow */
        const double *r0 = is->U + k * stride, *r1 = r0 + stride, *r2 = r1 + stride, *r3 = r2 + stride;
        double x0 = x[k], x1 = x[k + 1] - x0 * r0[k + 1], x2 = x[k + 2] - x0 * r0[k + 2] - x1 * r1[k + 2];
        double x3 = x[k + 3] - x0 * r0[k + 3] - x1 * r1[k + 3] - x2 * r2[k + 3];
        x[k + 1] = x1; x[k + 2] = x2; x[k + 3] = x3;
        for (int64_t j = k + 4; j < wide; j += WIDTH)
            STORE(x + j) = LOAD(x + j) - ((x0 * LOAD(r0 + j) + x1 * LOAD(r1 + j)) + (x2 * LOAD(r2 + j) + x3 * LOAD(r3 + j)));
    }
    for (int64_t i = 0; i < wide; i++) x[i] *= is->inverse[i];
    for (int64_t k = wide - 4; k >= 0; k -= 4) {
        const double *r0 = is->U + k * stride + k, *r1 = r0 + stride, *r2 = r1 + stride;
        v4 known = LOAD4(x + k) - dots41(r0 + 4, stride, x + k + 4, wide - k - 4);
        double x3 = known[3], x2 = known[2] - r2[3] * x3, x1 = known[1] - r1[3] * x3 - r1[2] * x2;
        x[k] = known[0] - r0[3] * x3 - r0[2] * x2 - r0[1] * x1;
        x[k + 1] = x1; x[k + 2] = x2; x[k + 3] = x3;
    }
    for (int64_t i = 0; i < wide; i++) x[i] *= is->scale[i];
}

void forward_columns(const Matrix *is, double *X, int64_t stride, int64_t columns) {
    int64_t wide = whole(is->n);
    vec t[4][2];
    for (int64_t k = 0, from = 0; k < wide; k += 4) {
        if (k == from + DEEP) { /* what all rows so far take from the next ones, in one product */
            from = k;
            int64_t rows = wide - k < DEEP ? wide - k : DEEP;
            for (int64_t i = k; i < k + rows; i++)
                for (int64_t j = 0; j < columns; j++) X[i * stride + j] *= is->scale[i];
            packed_columns(is->U + k, is->stride, rows, X, stride, columns, k, NULL, X + k * stride, stride, 0, 1);
        }
        double scale[4];
        for (int a = 0; a < 4; a++) scale[a] = from ? 1.0 : is->scale[k + a];
        for (int64_t j = 0; j < columns; j += WIDTH) {
            const double *r0 = is->U + k * is->stride + k, *r1 = r0 + is->stride, *r2 = r1 + is->stride;
            double *x = X + k * stride + j;
            tile(is->U + from * is->stride + k, is->stride, X + from * stride + j, stride, k - from, 0, t);
            vec x0 = LOAD(x) * scale[0] - t[0][0], x1 = LOAD(x + stride) * scale[1] - t[1][0] - r0[1] * x0;
            vec x2 = LOAD(x + 2 * stride) * scale[2] - t[2][0] - r0[2] * x0 - r1[2] * x1;
            vec x3 = LOAD(x + 3 * stride) * scale[3] - t[3][0] - r0[3] * x0 - r1[3] * x1 - r2[3] * x2;
            STORE(x) = x0; STORE(x + stride) = x1; STORE(x + 2 * stride) = x2; STORE(x + 3 * stride) = x3;
        }
    }
    for (int64_t k = 0; k < wide; k++) {
        double root = sqrt(is->inverse[k]);
        for (int64_t j = 0; j < columns; j++) X[k * stride + j] *= root;
    }
}

int solve_small(double *A, int64_t n, double *x) {
    for (int64_t c = 0; c < n; c++) {
        int64_t best = c;
        for (int64_t i = c + 1; i < n; i++)
            if (fabs(A[i * n + c]) > fabs(A[best * n + c])) best = i;
        if (!(fabs(A[best * n + c]) > 0.0) || !isfinite(A[best * n + c])) return 0;
        if (best != c) {
            for (int64_t k = 0; k < n; k++) { double t = A[c * n + k]; A[c * n + k] = A[best * n + k]; A[best * n + k] = t; }
            double t = x[c]; x[c] = x[best]; x[best] = t;
        }
        for (int64_t i = c + 1; i < n; i++) {
            double factor = A[i * n + c] / A[c * n + c];
            for (int64_t k = c; k < n; k++) A[i * n + k] -= factor * A[c * n + k];
            x[i] -= factor * x[c];
        }
    }
    for (int64_t i = n - 1; i >= 0; i--) {
        for (int64_t k = i + 1; k < n; k++) x[i] -= A[i * n + k] * x[k];
        x[i] /= A[i * n + i];
    }
    return 1;
}
