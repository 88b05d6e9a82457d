/* Products and factors. Blocks of 4 x 4 dot products in registers carry the speed; there is no blocking for cache. */
#include "numbers.h"

void dots44(const double *a, int64_t lda, const double *b, int64_t ldb, int64_t n, double *out) {
    v4 c00 = {0}, c01 = {0}, c02 = {0}, c03 = {0}, c10 = {0}, c11 = {0}, c12 = {0}, c13 = {0};
    v4 c20 = {0}, c21 = {0}, c22 = {0}, c23 = {0}, c30 = {0}, c31 = {0}, c32 = {0}, c33 = {0};
    const double *a0 = a, *a1 = a + lda, *a2 = a + 2 * lda, *a3 = a + 3 * lda;
    const double *b0 = b, *b1 = b + ldb, *b2 = b + 2 * ldb, *b3 = b + 3 * ldb;
    int64_t k = 0;
    for (; k + 4 <= n; k += 4) {
        v4 x0 = LOAD(a0 + k), x1 = LOAD(a1 + k), x2 = LOAD(a2 + k), x3 = LOAD(a3 + k), y;
        y = LOAD(b0 + k); c00 += x0 * y; c10 += x1 * y; c20 += x2 * y; c30 += x3 * y;
        y = LOAD(b1 + k); c01 += x0 * y; c11 += x1 * y; c21 += x2 * y; c31 += x3 * y;
        y = LOAD(b2 + k); c02 += x0 * y; c12 += x1 * y; c22 += x2 * y; c32 += x3 * y;
        y = LOAD(b3 + k); c03 += x0 * y; c13 += x1 * y; c23 += x2 * y; c33 += x3 * y;
    }
    out[0] = sum4(c00); out[1] = sum4(c01); out[2] = sum4(c02); out[3] = sum4(c03);
    out[4] = sum4(c10); out[5] = sum4(c11); out[6] = sum4(c12); out[7] = sum4(c13);
    out[8] = sum4(c20); out[9] = sum4(c21); out[10] = sum4(c22); out[11] = sum4(c23);
    out[12] = sum4(c30); out[13] = sum4(c31); out[14] = sum4(c32); out[15] = sum4(c33);
    for (; k < n; k++) {
        double x[4] = {a0[k], a1[k], a2[k], a3[k]}, y[4] = {b0[k], b1[k], b2[k], b3[k]};
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++) out[4 * i + j] += x[i] * y[j];
    }
}

void rows_with_rows(const double *A, int64_t na, const double *B, int64_t nb, int64_t k, double *C, int64_t ldc, int lower) {
    double o[16];
    for (int64_t i = 0; i < na; i += 4) {
        for (int64_t j = 0; j < (lower ? i + 1 : nb); j += 4) {
            int64_t ni = na - i < 4 ? na - i : 4, nj = nb - j < 4 ? nb - j : 4;
            if (ni == 4 && nj == 4) {
                dots44(A + i * k, k, B + j * k, k, k, o);
                for (int64_t a = 0; a < 4; a++)
                    for (int64_t b = 0; b < 4; b++) C[(i + a) * ldc + j + b] = o[4 * a + b];
            } else
                for (int64_t a = i; a < i + ni; a++)
                    for (int64_t b = j; b < j + nj; b++) C[a * ldc + b] = dot(A + a * k, B + b * k, k);
        }
    }
}

void product(const double *A, int64_t n, int64_t m, const double *x, double *y) {
    for (int64_t i = 0; i < n; i++) y[i] = dot(A + i * m, x, m);
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

int cholesky(double *L, int64_t n) {
    double o[16];
    for (int64_t j = 0; j < n; j += 4) { /* four columns at a time, over the finished ones */
        int64_t nj = n - j < 4 ? n - j : 4;
        for (int64_t i = j; i < n; i += 4) {
            int64_t ni = n - i < 4 ? n - i : 4;
            if (ni == 4 && nj == 4) dots44(L + i * n, n, L + j * n, n, j, o);
            else
                for (int64_t a = 0; a < ni; a++)
                    for (int64_t b = 0; b < nj; b++) o[4 * a + b] = dot(L + (i + a) * n, L + (j + b) * n, j);
            for (int64_t a = 0; a < ni; a++)
                for (int64_t b = 0; b < nj && j + b <= i + a; b++) L[(i + a) * n + j + b] -= o[4 * a + b];
        }
        for (int64_t b = j; b < j + nj; b++) {
            double pivot = L[b * n + b];
            for (int64_t k = j; k < b; k++) pivot -= L[b * n + k] * L[b * n + k];
            if (!(pivot > 0.0) || !isfinite(pivot)) return 0;
            L[b * n + b] = pivot = sqrt(pivot);
            for (int64_t i = b + 1; i < n; i++) {
                double x = L[i * n + b];
                for (int64_t k = j; k < b; k++) x -= L[i * n + k] * L[b * n + k];
                L[i * n + b] = x / pivot;
            }
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
    for (int64_t i = 0; i < n; i++) x[i] = (x[i] * scale[i] - dot(L + i * n, x, i)) / L[i * n + i];
    for (int64_t i = n - 1; i >= 0; i--) {
        const double *row = L + i * n;
        double value = x[i] / row[i];
        x[i] = value;
        for (int64_t k = 0; k < i; k++) x[k] -= value * row[k];
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
                    x[i + b] = value / L[(i + b) * n + i + b];
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
