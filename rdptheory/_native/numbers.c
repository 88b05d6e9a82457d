/* Products and factors. Blocks of dot products in registers carry the speed; there is no blocking for cache. */
#include "numbers.h"

/* Four rows with two: eight sums, four vectors and two fit the sixteen registers; with sixteen sums they would not. */
static inline void dots42(const double *a, int64_t lda, const double *b, int64_t ldb, int64_t n, double *out) {
    v4 c00 = {0}, c01 = {0}, c10 = {0}, c11 = {0}, c20 = {0}, c21 = {0}, c30 = {0}, c31 = {0};
    const double *a0 = a, *a1 = a + lda, *a2 = a + 2 * lda, *a3 = a + 3 * lda, *b0 = b, *b1 = b + ldb;
    int64_t k = 0;
    for (; k + 4 <= n; k += 4) {
        v4 y0 = LOAD(b0 + k), y1 = LOAD(b1 + k), x;
        x = LOAD(a0 + k); c00 += x * y0; c01 += x * y1;
        x = LOAD(a1 + k); c10 += x * y0; c11 += x * y1;
        x = LOAD(a2 + k); c20 += x * y0; c21 += x * y1;
        x = LOAD(a3 + k); c30 += x * y0; c31 += x * y1;
    }
    v4 upper = sums4(c00, c01, c10, c11), lower = sums4(c20, c21, c30, c31);
    out[0] = upper[0]; out[1] = upper[1]; out[4] = upper[2]; out[5] = upper[3];
    out[8] = lower[0]; out[9] = lower[1]; out[12] = lower[2]; out[13] = lower[3];
    for (; k < n; k++) {
        double x[4] = {a0[k], a1[k], a2[k], a3[k]};
        for (int i = 0; i < 4; i++) {
            out[4 * i] += x[i] * b0[k];
            out[4 * i + 1] += x[i] * b1[k];
        }
    }
}

void dots44(const double *a, int64_t lda, const double *b, int64_t ldb, int64_t n, double *out) {
    dots42(a, lda, b, ldb, n, out);
    dots42(a, lda, b + 2 * ldb, ldb, n, out + 2);
}

/* Four rows with one. */
static inline void dots41(const double *a, int64_t lda, const double *x, int64_t n, double *out) {
    v4 c0 = {0}, c1 = {0}, c2 = {0}, c3 = {0}, d0 = {0}, d1 = {0}, d2 = {0}, d3 = {0};
    const double *a0 = a, *a1 = a + lda, *a2 = a + 2 * lda, *a3 = a + 3 * lda;
    int64_t k = 0;
    for (; k + 8 <= n; k += 8) {
        v4 y = LOAD(x + k), z = LOAD(x + k + 4);
        c0 += LOAD(a0 + k) * y; d0 += LOAD(a0 + k + 4) * z;
        c1 += LOAD(a1 + k) * y; d1 += LOAD(a1 + k + 4) * z;
        c2 += LOAD(a2 + k) * y; d2 += LOAD(a2 + k + 4) * z;
        c3 += LOAD(a3 + k) * y; d3 += LOAD(a3 + k + 4) * z;
    }
    *(v4u *)out = sums4(c0 + d0, c1 + d1, c2 + d2, c3 + d3);
    for (; k < n; k++) {
        out[0] += a0[k] * x[k];
        out[1] += a1[k] * x[k];
        out[2] += a2[k] * x[k];
        out[3] += a3[k] * x[k];
    }
}

void rows_with_rows(const double *A, int64_t na, const double *B, int64_t nb, int64_t k, double *C, int64_t ldc, int lower) {
    double o[16];
    for (int64_t from = 0; from < na; from += 8) /* two blocks of A for every block of B that is read */
        for (int64_t j = 0; j < (lower ? from + 8 : nb) && j < nb; j += 4)
            for (int64_t i = from; i < from + 8 && i < na; i += 4) {
                int64_t ni = na - i < 4 ? na - i : 4, nj = nb - j < 4 ? nb - j : 4;
                if (lower && j > i) continue;
                if (ni == 4 && nj == 4) {
                    dots44(A + i * k, k, B + j * k, k, k, o);
                    for (int64_t a = 0; a < 4; a++)
                        for (int64_t b = 0; b < 4; b++) C[(i + a) * ldc + j + b] = o[4 * a + b];
                } else
                    for (int64_t a = i; a < i + ni; a++)
                        for (int64_t b = j; b < j + nj; b++) C[a * ldc + b] = dot(A + a * k, B + b * k, k);
            }
}

void product(const double *A, int64_t n, int64_t m, const double *x, double *y) {
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) dots41(A + i * m, m, x, m, y + i);
    for (; i < n; i++) y[i] = dot(A + i * m, x, m);
}

void transposed_product(const double *A, int64_t n, int64_t m, const double *x, double *y) {
    memset(y, 0, sizeof(double) * (size_t)m);
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
        const double *a0 = A + i * m, *a1 = a0 + m, *a2 = a1 + m, *a3 = a2 + m;
        double x0 = x[i], x1 = x[i + 1], x2 = x[i + 2], x3 = x[i + 3];
        for (int64_t j = 0; j < m; j++) y[j] += (x0 * a0[j] + x1 * a1[j]) + (x2 * a2[j] + x3 * a3[j]);
    }
    for (; i < n; i++)
        for (int64_t j = 0; j < m; j++) y[j] += x[i] * A[i * m + j];
}

/* The factor of a block of at most four rows on the diagonal, in place. */
static int corner(double *L, int64_t n, int64_t size) {
    for (int64_t b = 0; b < size; b++) {
        double pivot = L[b * n + b];
        for (int64_t k = 0; k < b; k++) pivot -= L[b * n + k] * L[b * n + k];
        if (!(pivot > 0.0) || !isfinite(pivot)) return 0;
        double inverse = L[b * n + b] = 1.0 / sqrt(pivot);
        for (int64_t i = b + 1; i < size; i++) {
            double x = L[i * n + b];
            for (int64_t k = 0; k < b; k++) x -= L[i * n + k] * L[b * n + k];
            L[i * n + b] = x * inverse;
        }
    }
    return 1;
}

int cholesky(double *L, int64_t n) {
    double o[16];
    for (int64_t j = 0; j < n; j += 4) { /* four columns at a time, over the finished ones */
        int64_t nj = n - j < 4 ? n - j : 4;
        const double *r0 = L + j * n + j, *r1 = r0 + n, *r2 = r1 + n, *r3 = r2 + n; /* the corner */
        for (int64_t i = j; i < n; i += 4) {
            int64_t ni = n - i < 4 ? n - i : 4;
            if (ni == 4 && nj == 4) dots44(L + i * n, n, L + j * n, n, j, o);
            else
                for (int64_t a = 0; a < ni; a++)
                    for (int64_t b = 0; b < nj; b++) o[4 * a + b] = dot(L + (i + a) * n, L + (j + b) * n, j);
            for (int64_t a = 0; a < ni; a++) {
                double *x = L + (i + a) * n + j;
                for (int64_t b = 0; b < nj && j + b <= i + a; b++) x[b] -= o[4 * a + b];
                if (i == j) continue; /* below a corner there are whole blocks of four columns only */
                x[0] *= r0[0];
                x[1] = (x[1] - x[0] * r1[0]) * r1[1];
                x[2] = (x[2] - x[0] * r2[0] - x[1] * r2[1]) * r2[2];
                x[3] = (x[3] - x[0] * r3[0] - x[1] * r3[1] - x[2] * r3[2]) * r3[3];
            }
            if (i == j && !corner(L + j * n + j, n, nj)) return 0;
        }
    }
    return 1;
}

int factor_scaled(double *M, double *M_copy, double *scale, const double *diagonal, int64_t n) {
    static const double lifts[5] = {0.0, 1e-15, 1e-13, 1e-11, 1e-9};
    for (int64_t i = 0; i < n; i++) {
        if (!(diagonal[i] > 0.0) || !isfinite(diagonal[i])) return 0;
        scale[i] = 1.0 / sqrt(diagonal[i]);
    }
    return factor_lifted(M, M_copy, scale, diagonal, n, lifts, 5);
}

int factor_lifted(double *M, double *M_copy, const double *scale, const double *diagonal, int64_t n, const double *lifts, int count) {
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < i; j++) M[i * n + j] *= scale[i] * scale[j];
        M[i * n + i] = diagonal[i] * scale[i] * scale[i];
    }
    memcpy(M_copy, M, sizeof(double) * (size_t)(n * n));
    for (int t = 0; t < count; t++) {
        if (t) memcpy(M, M_copy, sizeof(double) * (size_t)(n * n));
        for (int64_t i = 0; i < n; i++) M[i * n + i] += lifts[t];
        if (cholesky(M, n)) return 1;
    }
    return 0;
}

void solve_scaled(const double *L, const double *scale, int64_t n, double *x) {
    double o[4];
    for (int64_t i = 0; i < n; i += 4) { /* four rows at a time: the finished part of x is read once for them */
        int64_t end = i + 4 < n ? i + 4 : n;
        if (end == i + 4) dots41(L + i * n, n, x, i, o);
        else
            for (int64_t a = i; a < end; a++) o[a - i] = dot(L + a * n, x, i);
        for (int64_t a = i; a < end; a++) {
            double value = x[a] * scale[a] - o[a - i];
            for (int64_t k = i; k < a; k++) value -= L[a * n + k] * x[k];
            x[a] = value * L[a * n + a];
        }
    }
    for (int64_t i = (n - 1) / 4 * 4; i >= 0; i -= 4) {
        int64_t end = i + 4 < n ? i + 4 : n;
        for (int64_t a = end - 1; a >= i; a--) {
            x[a] *= L[a * n + a];
            for (int64_t k = i; k < a; k++) x[k] -= x[a] * L[a * n + k];
        }
        if (end == i + 4) {
            const double *r0 = L + i * n, *r1 = r0 + n, *r2 = r1 + n, *r3 = r2 + n;
            double x0 = x[i], x1 = x[i + 1], x2 = x[i + 2], x3 = x[i + 3];
            for (int64_t k = 0; k < i; k++) x[k] -= (x0 * r0[k] + x1 * r1[k]) + (x2 * r2[k] + x3 * r3[k]);
        } else
            for (int64_t a = i; a < end; a++)
                for (int64_t k = 0; k < i; k++) x[k] -= x[a] * L[a * n + k];
    }
    for (int64_t i = 0; i < n; i++) x[i] *= scale[i];
}

void forward_rows(const double *L, const double *scale, int64_t n, double *X, int64_t rows) {
    double o[16];
    for (int64_t a = 0; a < rows; a++)
        for (int64_t i = 0; i < n; i++) X[a * n + i] *= scale[i];
    for (int64_t a = 0; a < rows; a += 4) {
        int64_t na = rows - a < 4 ? rows - a : 4;
        for (int64_t i = 0; i < n; i += 4) {
            int64_t ni = n - i < 4 ? n - i : 4;
            if (na == 4 && ni == 4) dots44(X + a * n, n, L + i * n, n, i, o);
            else
                for (int64_t c = 0; c < na; c++)
                    for (int64_t b = 0; b < ni; b++) o[4 * c + b] = dot(X + (a + c) * n, L + (i + b) * n, i);
            for (int64_t c = 0; c < na; c++) {
                double *x = X + (a + c) * n;
                for (int64_t b = 0; b < ni; b++) {
                    double value = x[i + b] - o[4 * c + b];
                    for (int64_t k = i; k < i + b; k++) value -= L[(i + b) * n + k] * x[k];
                    x[i + b] = value * L[(i + b) * n + i + b];
                }
            }
        }
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
