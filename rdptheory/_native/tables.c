/* The tables of a problem, turned, and the exponentials of a column. */
#include "core.h"

/* C = factor A' for A (n, m). */
static void turned(const double *A, int64_t lda, int64_t n, int64_t m, double factor, double *C, int64_t ldc) {
    for (int64_t j = 0; j < m; j += 4)
        for (int64_t i = 0; i < n; i += 4) {
            const double *a = A + i * lda + j;
            double *c = C + j * ldc + i;
            if (i + 4 > n || j + 4 > m) {
                for (int64_t k = 0; k < 4 && j + k < m; k++)
                    for (int64_t l = 0; l < 4 && i + l < n; l++) c[k * ldc + l] = factor * a[l * lda + k];
                continue;
            }
            v4 a0 = factor * LOAD4(a), a1 = factor * LOAD4(a + lda), a2 = factor * LOAD4(a + 2 * lda), a3 = factor * LOAD4(a + 3 * lda);
            v4 even01 = PICK(a0, a1, 0, 4, 2, 6), odd01 = PICK(a0, a1, 1, 5, 3, 7);
            v4 even23 = PICK(a2, a3, 0, 4, 2, 6), odd23 = PICK(a2, a3, 1, 5, 3, 7);
            STORE4(c) = PICK(even01, even23, 0, 1, 4, 5);
            STORE4(c + ldc) = PICK(odd01, odd23, 0, 1, 4, 5);
            STORE4(c + 2 * ldc) = PICK(even01, even23, 2, 3, 6, 7);
            STORE4(c + 3 * ldc) = PICK(odd01, odd23, 2, 3, 6, 7);
        }
}

void take_tables(Core *c, double **at, int64_t *used) {
    int64_t size = c->m * c->stride, wide = whole(c->n);
    c->T = take_lines(at, c->K * size, used);
    c->barrier = take_lines(at, c->is->forbidden ? size : 0, used);
    c->B = take_lines(at, size, used);
    c->system = take_matrix(at, c->n, used);
    double **rows[] = {&c->logp, &c->height, &c->Br, &c->spread, &c->off, &c->rows_n};
    for (int k = 0; k < 6; k++) *rows[k] = take_lines(at, wide, used);
}

void turn_tables(Core *c) {
    const rdp_problem *is = c->is;
    int64_t n = c->n, m = c->m, stride = c->stride, wide = whole(n);
    for (int64_t k = 0; k < c->K; k++) {
        double *T = c->T + k * m * stride;
        turned(is->d + k * n * m, m, n, m, 1.0 / is->limits[k], T, stride);
        for (int64_t j = 0; j < m; j++)
            for (int64_t i = n; i < wide; i++) T[j * stride + i] = 0.0;
    }
    for (int64_t j = 0; is->forbidden && j < m; j++)
        for (int64_t i = 0; i < wide; i++)
            c->barrier[j * stride + i] = i < n && is->forbidden[i * m + j] > 0.0 ? -INFINITY : 0.0;
    for (int64_t i = 0; i < n; i++) c->logp[i] = log(is->p[i]);
    for (int64_t i = n; i < wide; i++) {
        c->height[i] = -INFINITY;
        c->Br[i] = c->spread[i] = c->off[i] = c->rows_n[i] = 0.0;
    }
}

/* X of column j in `e`, and its largest entry. */
static double exponents(const Core *c, const double *s, int64_t j, double *e) {
    int64_t wide = whole(c->n), stride = c->stride, size = c->m * stride;
    const double *T = c->K ? c->T + j * stride : NULL, *barrier = c->barrier + j * stride, *from = c->height;
    vec top = (vec){0} - INFINITY;
    if (c->is->forbidden) {
        for (int64_t i = 0; i < wide; i += WIDTH) STORE(e + i) = LOAD(from + i) + LOAD(barrier + i);
        from = e;
    }
    for (int64_t k = 1; k < c->K; k++, from = e)
        for (int64_t i = 0; i < wide; i += WIDTH) STORE(e + i) = LOAD(from + i) - s[k] * LOAD(T + k * size + i);
    for (int64_t i = 0; i < wide; i += WIDTH) {
        vec x = LOAD(from + i);
        if (T) x -= s[0] * LOAD(T + i);
        STORE(e + i) = x;
        top = larger_of(x, top);
    }
    return greatest_in(top);
}

int64_t exponentials(const Core *c, const double *s, int64_t j, Column *out) {
    int64_t wide = whole(c->n), some = c->m - j < COLUMNS ? c->m - j : COLUMNS;
    for (int64_t k = 0; k < some; k++) out[k].top = exponents(c, s, j + k, c->B + (j + k) * c->stride);
    for (int64_t k = 0; k < some; k++) {
        double *e = c->B + (j + k) * c->stride, top = out[k].top;
        vec small = {0}, count = {0};
        for (int64_t i = 0; i < wide; i += WIDTH) {
            vec x = exp_negative(LOAD(e + i) - top);
            veci one = x >= 1.0;
            small += (vec)((veci)x & ~one); /* apart from the entries equal to 1: 1 - B would cancel there */
            count += (vec)((veci)x & one);
            STORE(e + i) = x;
        }
        out[k].small = sum_in(small);
        out[k].count = sum_in(count);
    }
    return j + some;
}

/* W_ij = r_j B_ij. */
void write_channel(Core *c, const double *r, double *channel) {
    int64_t n = c->n, m = c->m, stride = c->stride;
    for (int64_t j = 0; j < m; j++)
        for (int64_t i = 0; i < n; i++) c->B[j * stride + i] *= r[j];
    turned(c->B, stride, m, n, 1.0, channel, m);
}
