/* How the output law answers a push u on log c: everything but f, s and the mu eliminated.

   With D = r/z and the relations of the balls,  dr = D (u - A'dv),  A dr = e + S dv - b dmu.  One ball that acts symbol by
   symbol leaves H diagonal. Others solve with  N = S + A D A',  which stays definite where S does not; for a transport
   alone H = S - S N^-1 S, without cancellation. */
#include "core.h"

static int alone(const Core *c) { return c->L == 1 && !c->ball[0].is->image; }

int respond(Core *c) {
    int64_t m = c->m, own = c->own;
    for (int64_t j = 0; j < m; j++) c->D[j] = c->left[j] / c->right[j];
    if (c->diagonal) {
        for (int64_t j = 0; j < m; j++)
            c->h[j] = c->L ? 1.0 / (c->ball[0].G[j] + c->right[j] / c->left[j]) : c->D[j];
        return 1;
    }
    double *N = c->N, *diagonal = c->offset;
    if (alone(c)) {
        memset(N, 0, sizeof(double) * (size_t)(own * own));
        for (int64_t j = 0; j < own; j++) N[j * own + j] = c->D[j];
    } else {
        double *row = c->images, *weighted = c->half; /* A stacked (own, m), and A D */
        for (int64_t l = 0; l < c->L; l++) {
            const Ball *ball = c->ball + l;
            for (int64_t i = 0; i < ball->size; i++, row += m) {
                if (ball->is->image) memcpy(row, ball->is->image + i * m, sizeof(double) * (size_t)m);
                else {
                    memset(row, 0, sizeof(double) * (size_t)m);
                    row[i] = 1.0;
                }
            }
        }
        for (int64_t i = 0; i < own; i++)
            for (int64_t j = 0; j < m; j++) weighted[i * m + j] = c->images[i * m + j] * c->D[j];
        rows_with_rows(weighted, own, c->images, own, m, N, own, 1);
    }
    int64_t at = 0;
    int level = 0;
    for (int64_t l = 0; l < c->L; l++) {
        const Ball *ball = c->ball + l;
        int64_t k = ball->size;
        int free_level = ball->is->kind == RDP_TRANSPORT || ball->is->kind == RDP_FIXED;
        for (int64_t i = 0; i < k; i++) {
            if (ball->is->kind == RDP_TRANSPORT)
                for (int64_t j = 0; j <= i; j++) N[(at + i) * own + at + j] += ball->S[i * k + j];
            else N[(at + i) * own + at + i] += ball->S[i];
        }
        if (free_level && level) { /* a constant may be moved between two such balls: pin the later one */
            double trace = 0.0;
            for (int64_t i = at; i < at + k; i++) trace += N[i * own + i];
            for (int64_t i = at; i < at + k; i++)
                for (int64_t j = at; j <= i; j++) N[i * own + j] += trace / ((double)k * (double)k);
        }
        level |= free_level;
        at += k;
    }
    for (int64_t i = 0; i < own; i++) diagonal[i] = N[i * own + i];
    if (!factor_scaled(N, c->N_copy, c->N_scale, diagonal, own)) return 0;
    int dense = alone(c) && c->ball[0].is->kind == RDP_TRANSPORT;
    for (int64_t j = 0; j < m; j++) c->h[j] = dense ? 0.0 : c->D[j];
    return 1;
}

void respond_gram(Core *c, double *diagonal) {
    int64_t n = c->n, m = c->m, own = c->own;
    if (c->diagonal) return;
    double *added = c->copy;
    if (alone(c) && c->ball[0].is->kind == RDP_TRANSPORT) {
        const double *S = c->ball[0].S;
        double *half = c->half;
        memcpy(half, S, sizeof(double) * (size_t)(own * own));
        forward_rows(c->N, c->N_scale, own, half, own);
        rows_with_rows(half, own, half, own, own, c->H, own, 1);
        for (int64_t i = 0; i < own; i++)
            for (int64_t j = 0; j <= i; j++) c->H[i * own + j] = c->H[j * own + i] = S[i * own + j] - c->H[i * own + j];
        rows_with_rows(c->B, n, c->H, m, m, c->scratch, m, 0);
        rows_with_rows(c->scratch, n, c->B, n, m, added, n, 1);
        for (int64_t i = 0; i < n * n; i++) c->M[i] += added[i];
        for (int64_t i = 0; i < n; i++) diagonal[i] += added[i * n + i];
        return;
    }
    double *weighted = c->half, *low = c->across; /* A D (own, m); then (n, own) */
    if (alone(c)) { /* a prescribed law */
        memset(weighted, 0, sizeof(double) * (size_t)(own * m));
        for (int64_t j = 0; j < m; j++) weighted[j * m + j] = c->D[j];
    } /* else it is still there from `respond` */
    rows_with_rows(c->B, n, weighted, own, m, low, own, 0);
    forward_rows(c->N, c->N_scale, own, low, n);
    rows_with_rows(low, n, low, n, own, added, n, 1);
    for (int64_t i = 0; i < n * n; i++) c->M[i] -= added[i];
    for (int64_t i = 0; i < n; i++) diagonal[i] -= added[i * n + i];
}

void respond_solve(Core *c, const double *u, int constants, const double *dmu, double *dr, double *dv) {
    int64_t m = c->m, own = c->own;
    if (c->diagonal) {
        if (!c->L) {
            for (int64_t j = 0; j < m; j++) dr[j] = c->h[j] * u[j];
            return;
        }
        const Ball *ball = c->ball;
        for (int64_t j = 0; j < m; j++) {
            double offset = dmu[0] * ball->y[j] + (constants ? ball->g[j] : 0.0);
            dr[j] = c->h[j] * (u[j] - offset);
            dv[j] = ball->G[j] * dr[j] + offset;
        }
        return;
    }
    double *offset = c->offset, *pushed = c->rows_m;
    int64_t at = 0;
    for (int64_t l = 0, priced = 0; l < c->L; l++) {
        const Ball *ball = c->ball + l;
        double change = ball->mu < 0 ? 0.0 : dmu[priced++];
        for (int64_t i = 0; i < ball->size; i++)
            offset[at + i] = (constants ? ball->e[i] : 0.0) - (change != 0.0 ? change * ball->b[i] : 0.0);
        at += ball->size;
    }
    for (int64_t j = 0; j < m; j++) pushed[j] = c->D[j] * u[j];
    if (alone(c)) memcpy(dv, pushed, sizeof(double) * (size_t)own);
    else product(c->images, own, m, pushed, dv);
    for (int64_t i = 0; i < own; i++) dv[i] -= offset[i];
    solve_scaled(c->N, c->N_scale, own, dv);
    if (alone(c) && c->ball[0].is->kind == RDP_TRANSPORT) {
        product(c->ball[0].S, own, own, dv, dr);
        for (int64_t j = 0; j < m; j++) dr[j] += offset[j];
        return;
    }
    if (alone(c)) memcpy(dr, dv, sizeof(double) * (size_t)m);
    else transposed_product(c->images, own, m, dv, dr);
    for (int64_t j = 0; j < m; j++) dr[j] = c->D[j] * (u[j] - dr[j]);
}
