/* The Newton system at one state.

   X_ij = log p_i + f_i - sum_k s_k d^k_ij / D_k,   B = columns of exp X normalised,   log c_j = lse_j(X) - (A'v)_j.
   Conditions: B r = p, E d_k / D_k + w_k = 1, delta + w = P, r z = tau weight, s w = tau, mu w = tau, z = -log c.
   Everything but f, s and mu is eliminated ball by ball, which leaves

       (diag(B r) + B (H - diag r) B') df = right-hand side

   with one bordering column for each s and mu. */
#include "core.h"

#define FAR 3.0    /* |log(p/Br)| from which a row is brought back by scaling: Newton would take a step for each unit */
#define LEAP 100.0 /* and by how much at once, so that exp stays in range */
#define LOOSE 1e-12 /* of a pin where total variation holds r in all but one group: less is lost in rounding */
#define PASSES 8   /* each pass evaluates once; rows that exchange mass settle in two or three */

static void evaluate(Core *c) {
    const rdp_problem *is = c->is;
    int64_t n = c->n, m = c->m, K = c->K;
    double *restrict top = c->top, *restrict small = c->small, *restrict count = c->count; /* or no loop is vectorised */
    for (int64_t j = 0; j < m; j++) top[j] = -INFINITY, small[j] = count[j] = 0.0;
    memset(c->mean, 0, sizeof(double) * (size_t)(K * m));
    memset(c->second, 0, sizeof(double) * (size_t)(K * K * m));
    for (int64_t i = 0; i < n; i++) {
        double *restrict e = c->E + i * m, a = c->logp[i] + c->f[i];
        for (int64_t j = 0; j < m; j++) e[j] = a;
        for (int64_t k = 0; k < K; k++) {
            const double *d = is->d + (k * n + i) * m;
            double s = c->left[m + k] / is->limits[k];
            for (int64_t j = 0; j < m; j++) e[j] -= s * d[j];
        }
        if (is->forbidden)
            for (int64_t j = 0; j < m; j++) e[j] = is->forbidden[i * m + j] > 0.0 ? -INFINITY : e[j];
        for (int64_t j = 0; j < m; j++) top[j] = e[j] > top[j] ? e[j] : top[j];
    }
    for (int64_t i = 0; i < n; i++) {
        double *restrict e = c->E + i * m;
        for (int64_t j = 0; j < m; j++) e[j] = exp_negative(e[j] - top[j]);
        for (int64_t j = 0; j < m; j++) {
            small[j] += e[j] < 1.0 ? e[j] : 0.0; /* apart from the entries equal to 1: 1 - B would cancel there */
            count[j] += e[j] < 1.0 ? 0.0 : 1.0;
        }
    }
    for (int64_t j = 0; j < m; j++) {
        c->total[j] = c->small[j] + c->count[j];
        c->lse[j] = c->top[j] + log(c->total[j]);
        c->rows_m[j] = 1.0 / c->total[j];
        c->logc[j] = c->lse[j];
    }
    for (int64_t l = 0; l < c->L; l++) {
        const Ball *ball = c->ball + l;
        const double *v = ball->is->image ? ball->image_v : ball->v;
        for (int64_t j = 0; j < m; j++) c->logc[j] -= v[j];
    }
    double *restrict t = c->parts, *restrict inverse_total = c->rows_m;
    for (int64_t i = 0; i < n; i++) {
        const double *e = c->E + i * m;
        double *restrict b = c->B + i * m;
        for (int64_t j = 0; j < m; j++) b[j] = e[j] * inverse_total[j];
        for (int64_t k = 0; k < K; k++) {
            const double *d = is->d + (k * n + i) * m;
            double *restrict mean = c->mean + k * m, *restrict square = c->second + (k * K + k) * m, inverse = 1.0 / is->limits[k];
            for (int64_t j = 0; j < m; j++) {
                double y = d[j] * inverse, x = b[j] * y;
                t[j] = x;
                mean[j] += x;
                square[j] += x * y;
            }
            c->spent[k * n + i] = dot(t, c->left, m);
            for (int64_t o = 0; o < k; o++) {
                const double *other = is->d + (o * n + i) * m;
                double *restrict second = c->second + (k * K + o) * m, scale = 1.0 / is->limits[o];
                for (int64_t j = 0; j < m; j++) second[j] += t[j] * (other[j] * scale);
            }
        }
    }
    product(c->B, n, m, c->left, c->Br);
    for (int64_t k = 0; k < K; k++) c->dist[k] = dot(c->mean + k * m, c->left, m);
    for (int64_t i = 0; i < n; i++) c->off[i] = c->logp[i] - log(c->Br[i]);
}

/* A new state: balls and tables, rows thrown far off brought back, slacks raised to what the constraints leave. */
void settle(Core *c) {
    int64_t m = c->m;
    for (int64_t l = 0; l < c->L; l++) ball_evaluate(c, c->ball + l);
    evaluate(c);
    for (int pass = 0; pass < PASSES; pass++) {
        int far = 0;
        for (int64_t i = 0; i < c->n; i++)
            if (fabs(c->off[i]) > FAR) {
                far = 1;
                c->f[i] += clip(c->off[i], -LEAP, LEAP);
            }
        if (!far) break;
        evaluate(c);
    }
    for (int64_t k = 0; k < c->K; k++) c->right[m + k] = fmax(c->right[m + k], 1.0 - c->dist[k]);
    for (int64_t l = 0; l < c->L; l++)
        if (c->ball[l].mu >= 0) c->right[c->ball[l].mu] = fmax(c->right[c->ball[l].mu], -ball_row(c->ball + l));
}

/* What total variation leaves undecided in every group: its mass of r is held by the rows alone. */
static void find_levels(const Core *c) {
    memset(c->level_of, 0, sizeof(double) * (size_t)c->n);
    if (!c->balanced) return;
    sum_groups(c, c->Br, c->held);
    for (int64_t i = 0; i < c->n; i++)
        c->level_of[group_of(c, i)] += (c->Br[i] * c->off[i] - (c->is->p[i] - c->Br[i])) / c->held[group_of(c, i)];
}

double worst_residual(const Core *c) {
    double rows = 0.0, columns = 0.0, above = -INFINITY;
    find_levels(c);
    for (int64_t i = 0; i < c->n; i++) rows += fabs(c->Br[i] * (c->off[i] - c->level_of[group_of(c, i)]));
    for (int64_t j = 0; j < c->m; j++) {
        columns += c->left[j] * fabs(c->logc[j] + c->right[j]);
        above = fmax(above, c->logc[j]); /* the lower bound pays this */
    }
    double worst = fmax(fmax(rows, columns), above);
    for (int64_t k = 0; k < c->K; k++) worst = fmax(worst, fabs(c->dist[k] + c->right[c->m + k] - 1.0));
    for (int64_t l = 0; l < c->L; l++) {
        const Ball *ball = c->ball + l;
        double w = ball->mu < 0 ? 0.0 : c->right[ball->mu], P = ball->is->P;
        double scale = ball->mu < 0 ? 1.0 : fmin(1.0, P); /* the repair mixes by the share of P that is missed */
        worst = fmax(worst, fabs(ball_row(ball) + w) / scale);
    }
    return worst;
}

double broken(const Core *c) {
    double worst = 0.0;
    for (int64_t l = 0; l < c->L; l++)
        if (c->ball[l].mu >= 0) worst = fmax(worst, -ball_slack(c->ball + l) / c->ball[l].is->P);
    return worst;
}

static void border_rows(const Core *c, const double *df, const double *dr, const double *dv, double *rows) {
    int64_t at = 0, place = c->K;
    for (int64_t k = 0; k < c->K; k++) rows[k] = dot(c->mean + k * c->m, dr, c->m) + dot(c->tilt + k * c->n, df, c->n);
    for (int64_t l = 0; l < c->L; at += c->ball[l++].size) {
        const Ball *ball = c->ball + l;
        if (ball->mu < 0) continue;
        rows[place++] = c->diagonal ? dot(ball->y, dr, c->m) : dot(ball->b, dv + at, ball->size);
    }
}

/* Responses to a unit change of every s and mu, and the small matrix that couples them. */
static void form_border(Core *c) {
    int64_t n = c->n, m = c->m, K = c->K, place = 0;
    for (int64_t k = 0; k < K; k++) {
        const double *mean = c->mean + k * m;
        for (int64_t j = 0; j < m; j++) c->rows_m[j] = c->left[j] * mean[j];
        product(c->B, n, m, c->rows_m, c->tilt + k * n);
        for (int64_t i = 0; i < n; i++) c->tilt[k * n + i] = c->spent[k * n + i] - c->tilt[k * n + i];
    }
    int64_t size = K;
    for (int64_t l = 0; l < c->L; l++) size += c->ball[l].mu >= 0;
    double *one = c->one;
    memset(one, 0, sizeof(double) * (size_t)c->L);
    for (; place < size; place++) {
        double *df = c->unit_f + place * n, *dr = c->unit_r + place * m, *dv = c->unit_v + place * c->own;
        int table = place < K;
        for (int64_t j = 0; j < m; j++) c->push[j] = table ? -c->mean[place * m + j] : 0.0;
        if (!table) one[place - K] = 1.0;
        respond_solve(c, c->push, 0, one, dr, dv);
        product(c->B, n, m, dr, df);
        for (int64_t i = 0; i < n; i++) df[i] = (table ? c->tilt[place * n + i] : 0.0) - df[i];
        solve_scaled(c->M, c->scale, n, df);
        transposed_product(c->B, n, m, df, c->rows_n);
        for (int64_t j = 0; j < m; j++) c->push[j] += c->rows_n[j];
        respond_solve(c, c->push, 0, one, dr, dv);
        if (!table) one[place - K] = 0.0;
        border_rows(c, df, dr, dv, c->border_row);
        for (int64_t row = 0; row < size; row++) c->border[row * size + place] = c->border_row[row];
    }
    for (int64_t k = 0; k < K; k++) {
        for (int64_t o = 0; o < K; o++) {
            const double *mixed = c->second + (k >= o ? k * K + o : o * K + k) * m, *a = c->mean + k * m, *b = c->mean + o * m;
            double sum = 0.0;
            for (int64_t j = 0; j < m; j++) sum += c->left[j] * (mixed[j] - a[j] * b[j]);
            c->border[k * size + o] -= sum;
        }
        c->border[k * size + k] -= c->right[m + k] / c->left[m + k];
    }
    place = K;
    for (int64_t l = 0; l < c->L; l++) {
        const Ball *ball = c->ball + l;
        if (ball->mu < 0) continue;
        c->border[place * size + place] -= ball->kappa + c->right[ball->mu] / c->left[ball->mu];
        place++;
    }
}

int factor(Core *c) {
    const rdp_problem *is = c->is;
    int64_t n = c->n, m = c->m;
    const double *r = c->left;
    double *weight = c->rows_m, *diagonal = c->rows_n;
    for (int64_t l = 0; l < c->L; l++) ball_relation(c, c->ball + l);
    if (!respond(c)) return 0;
    const double *count = c->count, *small = c->small, *h = c->h;
    double *restrict parts = c->parts, *complement = c->push; /* diag(B r) - B diag(r) B' without cancellation: r B (1 - B) */
    for (int64_t j = 0; j < m; j++) weight[j] = c->h[j] - r[j], complement[j] = r[j] / c->total[j];
    for (int64_t i = 0; i < n; i++) {
        const double *b = c->B + i * m, *e = c->E + i * m;
        double *restrict weighted = c->scratch + i * m;
        for (int64_t j = 0; j < m; j++) parts[j] = b[j] * ((count[j] - e[j] + small[j]) * complement[j] + b[j] * h[j]);
        for (int64_t j = 0; j < m; j++) weighted[j] = b[j] * weight[j];
        diagonal[i] = total_of(parts, m);
    }
    rows_with_rows(c->scratch, n, c->B, n, m, c->M, n, 1);
    respond_gram(c, diagonal);
    double pin = c->level ? 1.0 : c->balanced && is->group ? LOOSE : 0.0;
    if (pin > 0.0) /* f and v may move by a constant together: pin it */
        for (int64_t i = 0; i < n; i++) {
            for (int64_t j = 0; j < i; j++)
                if (group_of(c, i) == group_of(c, j)) c->M[i * n + j] += pin * c->Br[i] * c->Br[j];
            diagonal[i] += pin * c->Br[i] * c->Br[i];
        }
    if (!factor_scaled(c->M, c->copy, c->scale, diagonal, n)) return 0;
    form_border(c);
    return 1;
}

/* The step that changes every pair product by `targets` to first order, with or without the residuals. */
int direction(Core *c, const double *targets, int residual, double *out) {
    int64_t n = c->n, m = c->m, K = c->K, size = K;
    double *df = out, *dl = out + n, *dright = dl + c->pairs, *dfree = dright + c->pairs, *dr = dl, *dv = c->dv;
    for (int64_t l = 0; l < c->L; l++) {
        Ball *ball = c->ball + l;
        ball_constants(c, ball, targets + (ball->left - c->left), residual);
        size += ball->mu >= 0;
    }
    double *none = c->none, *wanted = c->wanted, *rows = c->border_row, *matrix = c->matrix;
    memset(none, 0, sizeof(double) * (size_t)c->L);
    for (int64_t j = 0; j < m; j++) {
        c->push[j] = targets[j] / c->left[j];
        if (residual) c->push[j] += c->logc[j] + c->right[j];
    }
    respond_solve(c, c->push, 1, none, dr, dv);
    product(c->B, n, m, dr, df);
    if (residual) find_levels(c);
    for (int64_t i = 0; i < n; i++) df[i] = (residual ? c->Br[i] * (c->off[i] - c->level_of[group_of(c, i)]) : 0.0) - df[i];
    solve_scaled(c->M, c->scale, n, df);
    transposed_product(c->B, n, m, df, c->rows_n);
    for (int64_t j = 0; j < m; j++) c->push[j] += c->rows_n[j];
    respond_solve(c, c->push, 1, none, dr, dv);
    border_rows(c, df, dr, dv, rows);
    for (int64_t k = 0; k < K; k++) {
        wanted[k] = -targets[m + k] / c->left[m + k] - rows[k];
        if (residual) wanted[k] -= c->dist[k] + c->right[m + k] - 1.0;
    }
    int64_t place = K;
    for (int64_t l = 0; l < c->L; l++) {
        const Ball *ball = c->ball + l;
        if (ball->mu < 0) continue;
        wanted[place] = -ball->c - targets[ball->mu] / c->left[ball->mu] - rows[place];
        if (residual) wanted[place] -= ball_row(ball) + c->right[ball->mu];
        place++;
    }
    memcpy(matrix, c->border, sizeof(double) * (size_t)(size * size));
    if (size && !solve_small(matrix, size, wanted)) return 0;
    for (int64_t k = 0; k < size; k++) {
        double amount = wanted[k];
        for (int64_t i = 0; i < n; i++) df[i] += amount * c->unit_f[k * n + i];
        for (int64_t j = 0; j < m; j++) dr[j] += amount * c->unit_r[k * m + j];
        for (int64_t j = 0; j < c->own; j++) dv[j] += amount * c->unit_v[k * c->own + j];
        dl[m + k] = amount;
    }
    for (int64_t j = 0; j < m + size; j++) dright[j] = (targets[j] - c->right[j] * dl[j]) / c->left[j];
    int64_t at = 0;
    for (int64_t l = 0; l < c->L; l++) {
        Ball *ball = c->ball + l;
        int64_t own = ball->left - c->left;
        double dmu = ball->mu < 0 ? 0.0 : dl[ball->mu];
        ball_move(c, ball, targets + own, residual, dv + at, dmu, dl + own, dright + own, dfree + (ball->v - c->free));
        at += ball->size;
    }
    return 1;
}
