/* How the output law answers a push u on log c: everything but f, s and the mu eliminated.

   With D = r/z and the relations of the balls,  dr = D (u - A'dv),  A dr = e + S dv - b dmu.  One ball that acts symbol by
   symbol leaves H diagonal. Others solve with  N = S + A D A',  which stays definite where S does not; for a transport
   alone H = S - S N^-1 S, without cancellation. */
#include "core.h"

static int alone(const Core *c) { return c->L == 1 && !c->ball[0].is->image; }

int respond(Core *c) {
    int64_t m = c->m, own = c->own, stride = c->response.stride, wide = whole(own);
    for (int64_t j = 0; j < m; j++) c->D[j] = c->left[j] * c->per_right[j];
    if (c->diagonal) {
        for (int64_t j = 0; j < m; j++)
            c->h[j] = c->L ? 1.0 / (c->ball[0].G[j] + c->right[j] * c->per_left[j]) : c->D[j];
        return 1;
    }
    double *N = c->response.M, *diagonal = c->response.diagonal;
    if (alone(c)) {
        memset(N, 0, sizeof(double) * (size_t)(wide * stride));
        for (int64_t j = 0; j < own; j++) N[j * stride + j] = c->D[j];
    } else { /* A stacked and turned (m, own), and D A' */
        int64_t at = 0;
        memset(c->images, 0, sizeof(double) * (size_t)(m * stride));
        for (int64_t l = 0; l < c->L; at += c->ball[l++].size) {
            const rdp_ball *ball = c->ball[l].is;
            for (int64_t i = 0; i < ball->size; i++) {
                if (!ball->image) c->images[i * stride + at + i] = 1.0;
                for (int64_t j = 0; ball->image && j < m; j++) c->images[j * stride + at + i] = ball->image[i * m + j];
            }
        }
        for (int64_t j = 0; j < m; j++)
            for (int64_t i = 0; i < wide; i++) c->half[j * stride + i] = c->images[j * stride + i] * c->D[j];
        columns_with_columns(c->half, stride, wide, c->images, stride, wide, m, N, stride, 1);
    }
    int64_t at = 0;
    int level = 0;
    for (int64_t l = 0; l < c->L; l++) {
        const Ball *ball = c->ball + l;
        int64_t k = ball->size;
        int free_level = ball->is->kind == RDP_TRANSPORT || ball->is->kind == RDP_FIXED;
        for (int64_t i = 0; i < k; i++) {
            double *row = N + (at + i) * stride + at;
            if (ball->is->kind == RDP_TRANSPORT)
                for (int64_t j = i; j < k; j++) row[j] += ball->S[i * ball->stride + j];
            else row[i] += ball->S[i];
        }
        if (free_level && level) { /* a constant may be moved between two such balls: pin the later one */
            double trace = 0.0;
            for (int64_t i = at; i < at + k; i++) trace += N[i * stride + i];
            for (int64_t i = at; i < at + k; i++)
                for (int64_t j = i; j < at + k; j++) N[i * stride + j] += trace / ((double)k * (double)k);
        }
        level |= free_level;
        at += k;
    }
    for (int64_t i = 0; i < own; i++) diagonal[i] = N[i * stride + i];
    if (!factor_scaled(&c->response)) return 0;
    int dense = alone(c) && c->ball[0].is->kind == RDP_TRANSPORT;
    for (int64_t j = 0; j < m; j++) c->h[j] = dense ? 0.0 : c->D[j];
    return 1;
}

void respond_gram(Core *c) {
    int64_t n = c->n, m = c->m, own = c->own, stride = c->stride, rows = whole(n), wide = whole(own);
    if (c->diagonal) return;
    double *added = c->system.U, *M = c->system.M, *diagonal = c->system.diagonal, sign = 1.0;
    if (alone(c) && c->ball[0].is->kind == RDP_TRANSPORT) {
        const double *S = c->ball[0].S;
        int64_t apart = c->response.stride; /* also between rows of S: they have one size */
        memcpy(c->half, S, sizeof(double) * (size_t)(wide * apart));
        forward_columns(&c->response, c->half, apart, wide);
        if (stopped(c->is)) return;
        columns_with_columns(c->half, apart, wide, c->half, apart, wide, own, c->H, apart, 1);
        for (int64_t i = 0; i < own; i++)
            for (int64_t j = i; j < own; j++) c->H[i * apart + j] = c->H[j * apart + i] = S[i * apart + j] - c->H[i * apart + j];
        for (int64_t i = 0; i < own; i++)
            for (int64_t j = own; j < wide; j++) c->H[i * apart + j] = 0.0;
        if (stopped(c->is)) return;
        columns_with_columns(c->H, apart, wide, c->B, stride, rows, m, c->across, stride, 0);
        if (stopped(c->is)) return;
        columns_with_columns(c->across, stride, rows, c->B, stride, rows, m, added, stride, 1);
    } else {
        if (alone(c)) { /* a prescribed law */
            for (int64_t j = 0; j < wide; j++)
                for (int64_t i = 0; i < rows; i++) c->across[j * stride + i] = j < own ? c->D[j] * c->B[j * stride + i] : 0.0;
        } else /* D A' is still there from `respond` */
            columns_with_columns(c->half, c->response.stride, wide, c->B, stride, rows, m, c->across, stride, 0);
        if (stopped(c->is)) return;
        forward_columns(&c->response, c->across, stride, rows);
        columns_with_columns(c->across, stride, rows, c->across, stride, rows, own, added, stride, 1);
        sign = -1.0;
    }
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = i + 1; j < n; j++) M[i * stride + j] += sign * added[i * stride + j];
        diagonal[i] += sign * added[i * stride + i];
    }
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
    else transposed_product(c->images, c->response.stride, m, own, pushed, dv);
    for (int64_t i = 0; i < own; i++) dv[i] -= offset[i];
    for (int64_t i = own; i < whole(own); i++) dv[i] = 0.0;
    solve_scaled(&c->response, dv);
    if (alone(c) && c->ball[0].is->kind == RDP_TRANSPORT) {
        product(c->ball[0].S, c->response.stride, own, own, dv, dr);
        for (int64_t j = 0; j < m; j++) dr[j] += offset[j];
        return;
    }
    if (alone(c)) memcpy(dr, dv, sizeof(double) * (size_t)m);
    else product(c->images, c->response.stride, m, own, dv, dr);
    for (int64_t j = 0; j < m; j++) dr[j] = c->D[j] * (u[j] - dr[j]);
}
