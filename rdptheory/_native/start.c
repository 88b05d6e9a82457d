/* Where the iteration begins: weights that match the starting law decide most of the number of steps. */
#include "core.h"

#define TARGET 0.95  /* share of the limits that the starting channel spends: strictly inside, and close */
#define LIFT 0.05    /* room of the highest column: z of the order of what the first steps need */
#define BARE 1e-10   /* weight of a symbol without mass, in units of 1/m */
#define SPREAD 0.25  /* of P: costs up to which the weights of a plan stay even */
#define THIN 0.5     /* least weight of a pair of symbols before the cost, in units of 1/size */
#define WIDER 1.5    /* the box of v is so much wider than the prices of the reference itself need, */
#define FLAT 1e-3    /* and no narrower than this: nats between prices that are next to equal */
#define SPENT 0.4    /* share of P that r may move up, and down, at first */

/* The mean of the scaled tables, turned, and in c->off its least entry of every row. */
static const double *mean_table(Core *c) {
    int64_t size = c->m * c->stride, wide = whole(c->n);
    const double *T = c->T;
    if (c->K != 1) {
        for (int64_t i = 0; i < size; i++) c->scratch[i] = 0.0;
        for (int64_t k = 0; k < c->K; k++)
            for (int64_t i = 0; i < size; i++) c->scratch[i] += c->T[k * size + i] / (double)c->K;
        T = c->scratch;
    }
    for (int64_t i = 0; i < wide; i++) c->off[i] = INFINITY;
    for (int64_t j = 0; j < c->m; j++)
        for (int64_t i = 0; i < wide; i++) {
            double t = T[j * c->stride + i] - (c->is->forbidden ? c->barrier[j * c->stride + i] : 0.0);
            c->off[i] = smaller(t, c->off[i]);
        }
    return T;
}

/* B = exp(least_i - s T_ij) r_j with T the mean of the scaled tables, and in Br the sums of its rows; returns E T of its
   channel and, in `second`, the mean variance of T given x. */
static double kernel(Core *c, const double *T, const double *r, double s, double *second) {
    int64_t n = c->n, m = c->m, wide = whole(n);
    double first = 0.0, spread = 0.0, *mass = c->Br, *mean = c->spread, *square = c->rows_n;
    const double *least = c->off;
    for (int64_t i = 0; i < wide; i++) mass[i] = mean[i] = square[i] = 0.0;
    for (int64_t j = 0; j < m; j++) {
        const double *t = T + j * c->stride, *barrier = c->is->forbidden ? c->barrier + j * c->stride : NULL;
        double *e = c->B + j * c->stride;
        for (int64_t i = 0; i < wide; i += WIDTH) {
            vec x = s * (LOAD(least + i) - LOAD(t + i));
            if (barrier) x += LOAD(barrier + i);
            vec y = exp_negative(x) * r[j], spent = y * LOAD(t + i);
            STORE(e + i) = y;
            STORE(mass + i) = LOAD(mass + i) + y;
            STORE(mean + i) = LOAD(mean + i) + spent;
            STORE(square + i) = LOAD(square + i) + spent * LOAD(t + i);
        }
    }
    for (int64_t i = 0; i < n; i++) {
        double a = mean[i] / mass[i];
        first += c->is->p[i] * a;
        spread += c->is->p[i] * (square[i] / mass[i] - a * a);
    }
    *second = spread;
    return first;
}

/* s with a mean distortion of r's Blahut-Arimoto channel near the target: Newton on log s, safeguarded. Leaves the
   kernel in B, the sums of its rows in Br and their least T in c->off. */
double slope_for(Core *c, const double *r) {
    const double *T = mean_table(c);
    double second, mean = kernel(c, T, r, 0.0, &second), goal = fmin(TARGET, 0.9 * mean);
    if (!(goal > 0.0)) {
        kernel(c, T, r, 1.0, &second);
        return 1.0;
    }
    double x = log(1.0 / fmax(goal, 1e-300)), low = -INFINITY, high = INFINITY;
    for (int step = 0;; step++) {
        double s = exp(x), first = kernel(c, T, r, s, &second);
        if (fabs(first - goal) <= 0.02 * goal || step >= 60 || stopped(c->is)) return s;
        if (first > goal) low = x;
        else high = x;
        double double_it = first > goal ? 2.0 : -2.0;
        double move = second > 0.0 ? (first - goal) / (s * second) : double_it, next = x + clip(move, -3.0, 3.0);
        if (!(low < next && next < high)) next = isfinite(low) && isfinite(high) ? 0.5 * (low + high) : x + double_it;
        x = next;
    }
}

static void own_weights(Ball *ball) {
    const rdp_ball *is = ball->is;
    int64_t k = ball->size;
    if (is->kind == RDP_BOX)
        for (int64_t j = 0; j < 2 * k; j++) ball->weight[j] = 1.0 / (double)k;
    if (is->kind != RDP_TRANSPORT) return;
    double sum = 0.0; /* wide around the diagonal: near the plan w is a narrow valley, and even weights step over it */
    for (int64_t i = 0; i < is->rows; i++)
        for (int64_t j = 0; j < k; j++) {
            double spread = fmax(fmin(is->q[i], is->guess[j]), THIN / (double)k);
            sum += ball->weight[i * k + j] = spread / (1.0 + is->cost[i * k + j] / (SPREAD * is->P));
        }
    for (int64_t i = 0; i < ball->pairs; i++) ball->weight[i] /= sum;
}

void begin(Core *c) {
    const rdp_problem *is = c->is;
    int64_t n = c->n, m = c->m, K = c->K, wide = whole(n);
    double *r = c->left, bare = BARE, sum = 0.0;
    for (int64_t l = 0; l < c->L; l++)
        if (c->ball[l].mu >= 0) bare = fmin(bare, 1e-3 * is->ball[l].P);
    for (int64_t j = 0; j < m; j++) {
        double law = is->law ? is->law[j] : 1.0 / (double)m;
        sum += r[j] = fmax(law, (law > 0.0 ? is->floor : bare) / (double)m);
    }
    for (int64_t j = 0; j < m; j++) r[j] /= sum;
    double s = slope_for(c, r), *column = c->rows_m;
    double *share = c->rows_n; /* of the kernel, that makes its rows a joint law */
    for (int pass = c->L && !is->forbidden ? 1 : 0; pass < 2; pass++) { /* without a ball one Blahut-Arimoto step first */
        for (int64_t i = 0; i < n; i++) {
            c->f[i] = s * c->off[i] - log(c->Br[i]);
            share[i] = is->p[i] / c->Br[i];
        }
        for (int64_t i = n; i < wide; i++) share[i] = 0.0;
        product(c->B, c->stride, m, wide, share, column);
        if (pass) break;
        sum = 0.0;
        for (int64_t j = 0; j < m; j++) sum += r[j] = fmax(column[j], fmax(is->floor, 1e-12) / (double)m);
        for (int64_t j = 0; j < m; j++) r[j] /= sum;
        s = slope_for(c, r);
    }
    double lift = -INFINITY, room = 0.0;
    for (int64_t j = 0; j < m; j++) {
        c->weight[j] = r[j];
        column[j] = log(fmax(column[j] / r[j], 1e-300));
        lift = fmax(lift, column[j]);
    }
    lift += LIFT;
    for (int64_t i = 0; i < n; i++) c->f[i] -= lift;
    for (int64_t j = 0; j < m; j++) room += r[j] * (c->right[j] = lift - column[j]);
    for (int64_t k = 0; k < K; k++) {
        double spent = 0.0;
        const double *T = c->T + k * m * c->stride;
        for (int64_t j = 0; j < m; j++)
            for (int64_t i = 0; i < n; i++) spent += share[i] * c->B[j * c->stride + i] * T[j * c->stride + i];
        c->left[m + k] = s / (double)K;
        c->right[m + k] = fmax(1.0 - spent, 1.0 - TARGET);
        c->weight[m + k] = 1.0;
    }
    for (int64_t l = 0; l < c->L; l++) {
        Ball *ball = c->ball + l;
        if (ball->mu >= 0) c->weight[ball->mu] = 1.0;
        own_weights(ball);
        ball_begin(c, ball, room);
    }
}

/* Next to a reference q whose own answer is known: f and s of that, v = lse with room for it in the box, and a tau that is
   what the ball can be worth, P times its multiplier. A path from far above would be that of r = q in all but name, and
   the logarithmic form of B r = p serves that badly: see fixed.c. */
void begin_near(Core *c, double s) {
    int64_t m = c->m, k = c->ball->size;
    Ball *ball = c->ball;
    double P = ball->is->P, low = INFINITY, high = -INFINITY, *mu = c->left + ball->mu;
    for (int64_t j = 0; j < m; j++) c->left[j] = fmax(ball->is->q[j], 1e-3 * P / (double)m);
    if (c->K) c->left[m] = s;
    memset(ball->v, 0, sizeof(double) * (size_t)k);
    settle(c);
    for (int64_t j = 0; j < m; j++) {
        low = fmin(low, c->lse[j]);
        high = fmax(high, c->lse[j]);
    }
    *mu = fmax(WIDER * (high - low), FLAT);
    double tau = 2.0 * SPENT * P * *mu;
    for (int64_t i = 0; i < c->n; i++) c->f[i] -= 0.5 * (low + high) + tau;
    for (int64_t j = 0; j < m; j++) {
        c->weight[j] = c->left[j];
        c->right[j] = tau;
    }
    if (c->K) {
        c->left[m] = fmax(s, tau);
        c->right[m] = fmax(tau / c->left[m], 1.0 - c->dist[0]);
        c->weight[m] = 1.0;
    }
    c->right[ball->mu] = (1.0 - SPENT) * P;
    c->weight[ball->mu] = 1.0;
    for (int64_t j = 0; j < k; j++) {
        ball->v[j] = c->lse[j] - 0.5 * (low + high);
        ball->left[j] = ball->left[k + j] = SPENT * P / (double)k;
        ball->right[j] = 0.5 * *mu - ball->v[j];
        ball->right[k + j] = 0.5 * *mu + ball->v[j];
        ball->weight[j] = ball->left[j] * ball->right[j] / tau;
        ball->weight[k + j] = ball->left[k + j] * ball->right[k + j] / tau;
    }
}
