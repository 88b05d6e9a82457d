/* The Newton system at one state.

   X_ij = log p_i + f_i - sum_k s_k d^k_ij / D_k,   B = columns of exp X normalised,   log c_j = lse_j(X) - (A'v)_j.
   Conditions: B r = p, E d_k / D_k + w_k = 1, delta + w = P, r z = tau weight, s w = tau, mu w = tau, z = -log c.
   Everything but f, s and mu is eliminated ball by ball, which leaves

       (diag(B r) + B (H - diag r) B') df = right-hand side

   with one bordering column for each s and mu. */
#include "core.h"

#define FAR 3.0    /* |log(p/Br)| from which a row is brought back by scaling: Newton would take a step for each unit */
#define STAYS 0.5  /* but where this would move it by less, its columns are all its own, and scaling moves nothing */
#define LEAP 100.0 /* and by how much at once, so that exp stays in range */
#define LOOSE 1e-12 /* of a pin where total variation holds r in all but one group: less is lost in rounding */
#define PASSES 8   /* each pass evaluates once; rows that exchange mass settle in two or three */

/* One pass over a column while it is near: B, and what it adds to the sums over columns and rows. */
static void sum_columns(Core *c) {
    int64_t n = c->n, m = c->m, K = c->K, stride = c->stride, wide = whole(n), size = m * stride;
    double *Br = c->Br, *spread = c->spread;
    for (int64_t i = 0; i < n; i++) c->height[i] = c->logp[i] + c->f[i];
    for (int64_t i = 0; i < wide; i++) Br[i] = spread[i] = 0.0;
    for (int64_t i = 0; i < K * wide; i++) c->spent[i] = 0.0;
    Column some[COLUMNS];
    for (int64_t j = 0, next = 0; j < m; j++) {
        if (j == next) next = exponentials(c, c->left + m, j, some);
        Column x = some[j % COLUMNS];
        double *b = c->B + j * stride, r = c->left[j];
        double total = x.small + x.count, inverse = 1.0 / total, share = r * inverse;
        c->lse[j] = x.top + log(total);
        for (int64_t i = 0; i < wide; i += WIDTH) {
            vec e = LOAD(b + i), y = e * inverse;
            STORE(b + i) = y;
            STORE(Br + i) = LOAD(Br + i) + r * y;
            STORE(spread + i) = LOAD(spread + i) + share * y * ((x.count - e) + x.small); /* 1 - B without cancellation */
        }
        for (int64_t k = 0; k < K; k++) {
            const double *T = c->T + k * size + j * stride;
            double *spent = c->spent + k * wide;
            vec mean = {0}, square = {0};
            for (int64_t i = 0; i < wide; i += WIDTH) {
                vec t = LOAD(T + i), y = LOAD(b + i) * t;
                mean += y;
                square += y * t;
                STORE(spent + i) = LOAD(spent + i) + r * y;
            }
            c->mean[k * m + j] = sum_in(mean);
            c->second[(k * K + k) * m + j] = sum_in(square);
            for (int64_t o = 0; o < k; o++) {
                const double *other = c->T + o * size + j * stride;
                vec mixed = {0};
                for (int64_t i = 0; i < wide; i += WIDTH) mixed += LOAD(b + i) * LOAD(T + i) * LOAD(other + i);
                c->second[(k * K + o) * m + j] = sum_in(mixed);
            }
        }
    }
    memcpy(c->logc, c->lse, sizeof(double) * (size_t)m);
    for (int64_t l = 0; l < c->L; l++) {
        const Ball *ball = c->ball + l;
        const double *v = ball->is->image ? ball->image_v : ball->v;
        for (int64_t j = 0; j < m; j++) c->logc[j] -= v[j];
    }
    for (int64_t k = 0; k < K; k++) c->dist[k] = dot(c->mean + k * m, c->left, m);
    for (int64_t i = 0; i < n; i++) c->off[i] = c->logp[i] - log(Br[i]);
}

void evaluate(Core *c) {
    for (int64_t l = 0; l < c->L; l++) ball_evaluate(c, c->ball + l);
    sum_columns(c);
}

/* A new state: balls and tables, rows thrown far off brought back, slacks raised to what the constraints leave. */
void settle(Core *c) {
    int64_t m = c->m;
    evaluate(c);
    for (int pass = 0; pass < PASSES; pass++) {
        int far = 0;
        for (int64_t i = 0; i < c->n; i++) {
            /* spread/Br is how log Br answers to f; the rows that share columns with a plan close sooner when moved whole */
            double yields = c->plan ? 1.0 : smaller(1.0, 2.0 * c->spread[i] / c->Br[i]);
            if (!(fabs(c->off[i]) > FAR && yields * fabs(c->off[i]) > STAYS)) continue;
            far = 1;
            c->f[i] += clip(yields * c->off[i], -LEAP, LEAP);
        }
        if (!far) break;
        sum_columns(c);
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
    for (int64_t k = 0; k < c->K; k++) rows[k] = dot(c->mean + k * c->m, dr, c->m) + dot(c->tilt + k * whole(c->n), df, c->n);
    for (int64_t l = 0; l < c->L; at += c->ball[l++].size) {
        const Ball *ball = c->ball + l;
        if (ball->mu < 0) continue;
        rows[place++] = c->diagonal ? dot(ball->y, dr, c->m) : dot(ball->b, dv + at, ball->size);
    }
}

/* x = M^-1 x, and what that pushes log c by. */
static void answer_rows(Core *c, double *x) {
    solve_scaled(&c->system, x);
    product(c->B, c->stride, c->m, whole(c->n), x, c->rows_m);
    for (int64_t j = 0; j < c->m; j++) c->push[j] += c->rows_m[j];
}

/* Responses to a unit change of every s and mu, and the small matrix that couples them. */
static void form_border(Core *c) {
    int64_t m = c->m, K = c->K, place = 0, wide = whole(c->n);
    for (int64_t k = 0; k < K; k++) {
        const double *mean = c->mean + k * m, *spent = c->spent + k * wide;
        double *tilt = c->tilt + k * wide;
        for (int64_t j = 0; j < m; j++) c->rows_m[j] = c->left[j] * mean[j];
        transposed_product(c->B, c->stride, m, wide, c->rows_m, tilt);
        for (int64_t i = 0; i < wide; i++) tilt[i] = spent[i] - tilt[i];
    }
    int64_t size = K;
    for (int64_t l = 0; l < c->L; l++) size += c->ball[l].mu >= 0;
    double *one = c->one;
    memset(one, 0, sizeof(double) * (size_t)c->L);
    for (; place < size; place++) {
        double *df = c->unit_f + place * wide, *dr = c->unit_r + place * m, *dv = c->unit_v + place * whole(c->own);
        int table = place < K;
        for (int64_t j = 0; j < m; j++) c->push[j] = table ? -c->mean[place * m + j] : 0.0;
        if (!table) one[place - K] = 1.0;
        respond_solve(c, c->push, 0, one, dr, dv);
        transposed_product(c->B, c->stride, m, wide, dr, df);
        for (int64_t i = 0; i < wide; i++) df[i] = (table ? c->tilt[place * wide + i] : 0.0) - df[i];
        answer_rows(c, df);
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
    int64_t n = c->n, m = c->m, stride = c->stride, wide = whole(n);
    double *diagonal = c->system.diagonal, *M = c->system.M;
    for (int64_t j = 0; j < c->pairs; j++) c->per_left[j] = 1.0 / c->left[j], c->per_right[j] = 1.0 / c->right[j];
    for (int64_t l = 0; l < c->L; l++) ball_relation(c, c->ball + l);
    if (stopped(is) || !respond(c) || stopped(is)) return 0;
    memcpy(diagonal, c->spread, sizeof(double) * (size_t)wide); /* diag(B r) - B diag(r) B' there, without cancellation */
    for (int64_t j = 0; j < m; j++) {
        const double *b = c->B + j * stride, h = c->h[j], weight = h - c->left[j];
        double *weighted = c->scratch + j * stride;
        for (int64_t i = 0; i < wide; i += WIDTH) {
            vec y = LOAD(b + i);
            STORE(diagonal + i) = LOAD(diagonal + i) + h * y * y;
            STORE(weighted + i) = weight * y;
        }
    }
    columns_with_columns(c->scratch, stride, wide, c->B, stride, wide, m, M, stride, 1);
    if (stopped(is)) return 0;
    respond_gram(c);
    if (stopped(is)) return 0;
    double pin = c->level ? 1.0 : c->balanced && is->group ? LOOSE : 0.0;
    if (pin > 0.0) /* f and v may move by a constant together: pin it */
        for (int64_t i = 0; i < n; i++) {
            for (int64_t j = i + 1; j < n; j++)
                if (group_of(c, i) == group_of(c, j)) M[i * stride + j] += pin * c->Br[i] * c->Br[j];
            diagonal[i] += pin * c->Br[i] * c->Br[i];
        }
    if (!factor_scaled(&c->system)) return 0;
    form_border(c);
    return 1;
}

/* The step that changes every pair product by `targets` to first order, with or without the residuals. */
int direction(Core *c, const double *targets, int residual, double *out) {
    int64_t n = c->n, m = c->m, K = c->K, size = K, wide = whole(n);
    double *df = c->rows_n, *dl = out + n, *dright = dl + c->pairs, *dfree = dright + c->pairs, *dr = dl, *dv = c->dv;
    for (int64_t l = 0; l < c->L; l++) {
        Ball *ball = c->ball + l;
        ball_constants(c, ball, targets + (ball->left - c->left), residual);
        size += ball->mu >= 0;
    }
    double *none = c->none, *wanted = c->wanted, *rows = c->border_row, *matrix = c->matrix;
    memset(none, 0, sizeof(double) * (size_t)c->L);
    for (int64_t j = 0; j < m; j++) {
        c->push[j] = targets[j] * c->per_left[j];
        if (residual) c->push[j] += c->logc[j] + c->right[j];
    }
    respond_solve(c, c->push, 1, none, dr, dv);
    transposed_product(c->B, c->stride, m, wide, dr, df);
    if (residual) find_levels(c);
    for (int64_t i = 0; i < wide; i++) df[i] = -df[i];
    for (int64_t i = 0; residual && i < n; i++) df[i] += c->Br[i] * (c->off[i] - c->level_of[group_of(c, i)]);
    answer_rows(c, df);
    respond_solve(c, c->push, 1, none, dr, dv);
    border_rows(c, df, dr, dv, rows);
    for (int64_t k = 0; k < K; k++) {
        wanted[k] = -targets[m + k] * c->per_left[m + k] - rows[k];
        if (residual) wanted[k] -= c->dist[k] + c->right[m + k] - 1.0;
    }
    int64_t place = K;
    for (int64_t l = 0; l < c->L; l++) {
        const Ball *ball = c->ball + l;
        if (ball->mu < 0) continue;
        wanted[place] = -ball->c - targets[ball->mu] * c->per_left[ball->mu] - rows[place];
        if (residual) wanted[place] -= ball_row(ball) + c->right[ball->mu];
        place++;
    }
    memcpy(matrix, c->border, sizeof(double) * (size_t)(size * size));
    if (size && !solve_small(matrix, size, wanted)) return 0;
    for (int64_t k = 0; k < size; k++) {
        double amount = wanted[k];
        const double *f = c->unit_f + k * wide, *r = c->unit_r + k * m, *v = c->unit_v + k * whole(c->own);
        for (int64_t i = 0; i < wide; i++) df[i] += amount * f[i];
        for (int64_t j = 0; j < m; j++) dr[j] += amount * r[j];
        for (int64_t j = 0; j < c->own; j++) dv[j] += amount * v[j];
        dl[m + k] = amount;
    }
    memcpy(out, df, sizeof(double) * (size_t)n);
    for (int64_t j = 0; j < m + size; j++) dright[j] = (targets[j] - c->right[j] * dl[j]) * c->per_left[j];
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
