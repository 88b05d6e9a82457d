/* The loop around the Newton system: which step, how far, and when it is near enough for the judge. */
#include "core.h"

#define CORRECTORS 3       /* Gondzio's; more take as long as the steps they save (8.0 steps with 10 as with 4) */
#define BETA 0.3           /* products are brought to [BETA, 1/BETA] of their goal */
#define TOLERATED 0.01     /* share of P by which a ball may be broken before the centring waits for it */
#define PATIENCE 5         /* rounds without a tenth of progress on the residuals: then rounding has the word */
#define DIVERGED 1e10      /* multipliers beyond this belong to limits that no channel keeps */
#define AWAY 4.0           /* a step may end at so many times D, */
#define RISE 2.0           /* or multiply E d by so much; one that does not is shortened */
#define SHORTENED 0.3      /* by this factor, */
#define SHORTENINGS 8      /* so often */
#define CRAWL 0.01         /* an attempt is given up after so many steps shorter than this, */
#define CRAWLS 12
#define GROWING 1.2        /* unless each is so many times as long as the one before: a multiplier that began far too small */
#define MOVES (-0.3)       /* relative moves above this cannot stop a step short of 1: three of them sum to less */

#define NEAR 0.2           /* of P: how well the answer for the reference is found before the ball is opened */

#define BLOCK 64           /* columns of a channel that are written down together */

static const double SHARES[7] = {-1.0, 0.01, 0.05, 0.15, 0.3, 0.5, 0.8}; /* of tau to aim at; -1 is Mehrotra's */

int64_t direction_size(const Core *c) { return c->n + 2 * c->pairs + c->frees; }

static void shape_ball(const rdp_problem *is, int64_t l, int64_t *priced, Ball *ball) {
    const rdp_ball *b = is->ball + l;
    memset(ball, 0, sizeof(Ball));
    ball->is = b;
    ball->size = b->size;
    ball->mu = b->kind == RDP_FIXED ? -1 : is->m + is->tables + (*priced)++;
    ball->pairs = b->kind == RDP_BOX ? 2 * b->size : b->kind == RDP_TRANSPORT ? b->rows * b->size : 0;
}

/* Where everything lies: the state in the caller's `state`, the rest in `work`. */
int64_t lay_out(Core *c, const rdp_problem *is, double *work) {
    int64_t n = is->n, m = is->m, K = is->tables, L = is->balls, used = 0, priced = 0, own = 0, wide = n * m;
    Ball shape;
    memset(c, 0, sizeof(Core));
    c->is = is; c->n = n; c->m = m; c->K = K; c->L = L;
    c->pairs = m + K;
    for (int64_t l = 0; l < L; l++) {
        const rdp_ball *b = is->ball + l;
        shape_ball(is, l, &priced, &shape);
        own += shape.size;
        c->pairs += shape.pairs;
        c->frees += shape.size + (b->kind == RDP_TRANSPORT ? b->rows : 0);
        c->level |= b->kind == RDP_FIXED || b->kind == RDP_TRANSPORT;
        c->balanced |= b->kind == RDP_BOX;
        c->plan |= b->kind == RDP_TRANSPORT;
        if (b->kind == RDP_TRANSPORT && shape.pairs > wide) wide = shape.pairs;
    }
    c->own = own;
    c->pairs += priced;
    c->diagonal = !L || (L == 1 && !is->ball[0].image && is->ball[0].kind != RDP_TRANSPORT && is->ball[0].kind != RDP_FIXED);
    double *at = work ? is->state : NULL;
    c->f = take(&at, n, &used);
    c->left = take(&at, c->pairs, &used);
    c->right = take(&at, c->pairs, &used);
    c->free = take(&at, c->frees, &used);
    c->weight = take(&at, c->pairs, &used);
    at = work;
    used = 0;
#define TAKE(name, count) c->name = take(&at, (count), &used)
    int64_t columns = K + priced, wider = n > m ? n : m;
    c->ball = (Ball *)take(&at, L * (int64_t)((sizeof(Ball) + 7) / 8), &used);
    TAKE(E, n * m); TAKE(B, n * m); TAKE(scratch, wide); TAKE(M, n * n); TAKE(copy, n * n);
    TAKE(logp, n); TAKE(Br, n); TAKE(off, n); TAKE(scale, n); TAKE(tilt, K * n); TAKE(spent, K * n); TAKE(dist, K); TAKE(held, n); TAKE(level_of, n);
    TAKE(top, m); TAKE(small, m); TAKE(count, m); TAKE(total, m); TAKE(lse, m); TAKE(logc, m); TAKE(h, m); TAKE(D, m);
    TAKE(mean, K * m); TAKE(second, K * K * m); TAKE(push, m); TAKE(parts, m); TAKE(rows_m, wider); TAKE(rows_n, wider);
    TAKE(targets, c->pairs); TAKE(dv, own); TAKE(offset, own); TAKE(one, L); TAKE(none, L);
    TAKE(unit_f, columns * n); TAKE(unit_r, columns * m); TAKE(unit_v, columns * own);
    TAKE(border, columns * columns); TAKE(matrix, columns * columns); TAKE(wanted, columns); TAKE(border_row, columns);
    if (!c->diagonal) {
        int64_t half = own * m > own * own ? own * m : own * own;
        TAKE(N, own * own); TAKE(N_copy, own * own); TAKE(N_scale, own); TAKE(images, own * m);
        TAKE(half, half); TAKE(across, n * own); TAKE(H, own * own);
    }
    int64_t own_at = m + columns, free_at = 0, number = 0;
    for (int64_t l = 0; l < L; l++) {
        const rdp_ball *b = is->ball + l;
        Ball *ball = work ? c->ball + l : &shape;
        shape_ball(is, l, &number, ball);
        int64_t k = b->size;
        double **arrays[] = {&ball->law, &ball->slope, &ball->curve, &ball->ratio, &ball->b, &ball->e, &ball->G, &ball->y, &ball->g};
        for (int a = 0; a < 9; a++) *arrays[a] = take(&at, k, &used);
        ball->S = take(&at, b->kind == RDP_TRANSPORT ? k * k : k, &used);
        ball->image_v = take(&at, b->image ? m : 0, &used);
        if (b->kind == RDP_TRANSPORT) {
            ball->theta = take(&at, b->rows * k, &used);
            ball->row_sum = take(&at, b->rows, &used);
            ball->lean = take(&at, b->rows, &used);
            ball->shift = take(&at, b->rows, &used);
        }
        if (work) {
            ball->left = c->left + own_at;
            ball->right = c->right + own_at;
            ball->weight = c->weight + own_at;
            ball->v = c->free + free_at;
            ball->phi = c->free + free_at + k;
        }
        own_at += ball->pairs;
        free_at += k + (b->kind == RDP_TRANSPORT ? b->rows : 0);
    }
    int64_t d = direction_size(c);
    TAKE(affine, d); TAKE(centring, d); TAKE(second_order, d); TAKE(chosen, d); TAKE(trial, d);
    TAKE(moving, 6 * c->pairs);
    return used;
}

int64_t rdp_state_size(const rdp_problem *problem) {
    Core c;
    lay_out(&c, problem, NULL);
    return direction_size(&c) + c.pairs;
}

int64_t rdp_work_size(const rdp_problem *problem) {
    Core c;
    int64_t own = lay_out(&c, problem, NULL), fixed = problem->near ? rdp_fixed_work_size(problem) : 0;
    return own > fixed ? own : fixed;
}

/* The largest step that keeps every pair at or above 0. */
static double longest(const Core *c, const double *d) {
    const double *left = d + c->n, *right = left + c->pairs;
    double worst = smaller(least_ratio(left, c->left, c->pairs), least_ratio(right, c->right, c->pairs));
    return worst < 0.0 ? -1.0 / worst : INFINITY;
}

/* chosen = affine + share centring + kappa second_order, for the best of 21 pairs (share, kappa); the share. */
static double choose(Core *c, double tau, double mass) {
    int64_t np = c->pairs, n = c->n, count = 0;
    double *a = c->affine + n, *b = c->centring + n, *d = c->second_order + n;
    double reach = fmin(1.0, longest(c, c->affine)), after = 0.0;
    for (int64_t j = 0; j < np; j++) after += (c->left[j] + reach * a[j]) * (c->right[j] + reach * a[np + j]);
    double mehrotra = clip(pow(after / mass, 3.0), 1e-6, 1.0), lowest = 0.02 * c->is->gap / c->total_weight / tau;
    double over = broken(c);
    if (over > TOLERATED) lowest = fmax(lowest, fmin(0.5, over));
    double *relative = c->moving, *by_share = relative + 2 * np, *by_kappa = by_share + 2 * np;
    for (int side = 0; side < 2; side++) { /* the pairs that may stop a step, packed */
        const double *pair = side ? c->right : c->left;
        for (int64_t j = 0, at = side * np; j < np; j++, at++)
            if (smaller(a[at], smaller(b[at], d[at])) < MOVES * pair[j]) {
                double inverse = 1.0 / pair[j];
                relative[count] = a[at] * inverse;
                by_share[count] = b[at] * inverse;
                by_kappa[count++] = d[at] * inverse;
            }
    }
    double best = INFINITY, share = 1.0, kappa = 0.0;
    for (int t = 0; t < 7; t++)
        for (int u = 0; u < 3; u++) {
            double this_share = fmax(SHARES[t] < 0.0 ? mehrotra : SHARES[t], lowest), this_kappa = u == 0 ? 0.0 : u == 1 ? reach : 1.0;
            double worst = least_mixed(relative, by_share, by_kappa, this_share, this_kappa, count);
            double length = worst < 0.0 ? -1.0 / worst : INFINITY, merit = 1.0 - fmin(1.0, 0.95 * length) * (1.0 - this_share);
            if (merit < best) {
                best = merit;
                share = this_share;
                kappa = this_kappa;
            }
        }
    int64_t size = direction_size(c);
    for (int64_t j = 0; j < size; j++) c->chosen[j] = c->affine[j] + share * c->centring[j] + kappa * c->second_order[j];
    return share;
}

static double corrected(Core *c, double share, double tau) {
    int64_t np = c->pairs, n = c->n, size = direction_size(c);
    double length = longest(c, c->chosen);
    for (int k = 0; k < CORRECTORS && length < 1.0; k++) {
        double trial = fmin(1.0, 1.3 * length + 0.2);
        for (int64_t j = 0; j < np; j++) {
            double goal = share * tau * c->weight[j];
            double reached = (c->left[j] + trial * c->chosen[n + j]) * (c->right[j] + trial * c->chosen[n + np + j]);
            c->targets[j] = larger(clip(reached, BETA * goal, goal / BETA) - reached, -goal / BETA);
        }
        if (!direction(c, c->targets, 0, c->trial)) break;
        for (int64_t j = 0; j < size; j++) c->trial[j] += c->chosen[j];
        double now = longest(c, c->trial);
        if (!(now >= length + 0.01)) break;
        memcpy(c->chosen, c->trial, sizeof(double) * (size_t)size);
        length = now;
    }
    return length;
}

/* How far to go along c->chosen; 0 if there is no direction. */
static double advance(Core *c, double tau, double mass) {
    int64_t np = c->pairs, n = c->n;
    for (int64_t j = 0; j < np; j++) c->targets[j] = -c->left[j] * c->right[j];
    if (!direction(c, c->targets, 1, c->affine)) return 0.0;
    for (int64_t j = 0; j < np; j++) c->targets[j] = tau * c->weight[j];
    if (!direction(c, c->targets, 0, c->centring)) return 0.0;
    for (int64_t j = 0; j < np; j++) c->targets[j] = -c->affine[n + j] * c->affine[n + np + j];
    if (!direction(c, c->targets, 0, c->second_order)) return 0.0;
    double share = choose(c, tau, mass), length = corrected(c, share, tau);
    /* Close to the boundary only with a step of nearly full length: a short one would leave behind a pair whose product
       is nothing beside its goal. The pairs of a plan change places one by one, so that it pays to be more careful. */
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(c->chosen[i])) return 0.0;
    double kept = length >= (c->plan ? 0.98 : 0.95) ? fmax(1.0 - tau, 0.9) : c->plan ? 0.7 : 0.9;
    return fmin(1.0, kept * length);
}

/* Go there. E d is a sum of exponentials, which a long step leaves behind: then the step is shortened. */
static double move(Core *c, double step) {
    int64_t size = direction_size(c), np = c->pairs, n = c->n;
    double *before = c->affine, most = AWAY;
    memcpy(before, c->f, sizeof(double) * (size_t)size);
    for (int64_t k = 0; k < c->K; k++) most = fmax(most, RISE * c->dist[k]);
    for (int t = 0;; t++) {
        for (int64_t i = 0; i < n; i++) c->f[i] += clip(step * c->chosen[i], -100.0, 100.0);
        for (int64_t j = n; j < n + 2 * np + c->frees; j++) c->f[j] += step * c->chosen[j]; /* left, right and free follow f */
        settle(c);
        double highest = 0.0;
        for (int64_t k = 0; k < c->K; k++) highest = fmax(highest, c->dist[k]);
        if (highest <= most || t >= SHORTENINGS) return step;
        memcpy(c->f, before, sizeof(double) * (size_t)size);
        step *= SHORTENED;
    }
}

/* The answer for the reference of the ball itself, in `state`; whether there is one, and the steps that went into it. */
static int at_reference(const rdp_problem *is, double *work, int64_t *steps) {
    double report[4];
    rdp_problem fixed = *is;
    fixed.law = is->ball->q;
    fixed.balls = 0;
    fixed.gap = NEAR * is->ball->P;
    fixed.report = report;
    rdp_fixed(&fixed, work);
    *steps = (int64_t)report[0];
    return report[1] == RDP_READY;
}

void rdp_solve(const rdp_problem *is, double *work) {
    Core core, *c = &core;
    int64_t step = 0, idle = 0, crawling = 0;
    int near = is->near && !is->resume && at_reference(is, work, &step); /* before `work` is laid out */
    lay_out(c, is, work);
    for (int64_t i = 0; i < c->n; i++) c->logp[i] = log(is->p[i]);
    if (near) begin_near(c, is->state[c->n]);
    else if (!is->resume) begin(c);
    c->total_weight = total_of(c->weight, c->pairs);
    settle(c);
    double least = INFINITY, worst = INFINITY, mass = 0.0, last = 0.0;
    int why = RDP_LIMIT;
    for (;; step++) {
        mass = dot(c->left, c->right, c->pairs);
        if (!isfinite(mass)) { why = RDP_NO_STEP; break; }
        double steepest = 0.0;
        for (int64_t k = 0; k < c->K; k++) steepest = fmax(steepest, c->left[c->m + k]);
        if (steepest > DIVERGED) { why = RDP_DIVERGED; break; }
        if (mass <= 0.5 * is->gap) {
            worst = worst_residual(c);
            if (worst <= 0.25 * is->gap) { why = RDP_READY; break; }
            idle = worst >= 0.9 * least ? idle + 1 : 0;
            if (idle >= PATIENCE) { why = RDP_STALLED; break; }
            least = fmin(least, worst);
        }
        if (step >= is->max_steps) { why = RDP_LIMIT; break; }
        if (!factor(c)) { why = RDP_SINGULAR; break; }
        double length = advance(c, mass / c->total_weight, mass);
        if (!(length >= 1e-10)) { why = RDP_NO_STEP; break; }
        crawling = length >= CRAWL ? 0 : crawling + (length <= GROWING * last);
        if (crawling > CRAWLS) { why = RDP_CRAWLED; break; }
        last = length;
        move(c, length);
    }
    is->report[0] = (double)step;
    is->report[1] = why;
    is->report[2] = mass;
    is->report[3] = worst;
}

void rdp_channel(const rdp_problem *is, const double *f, const double *s, const double *r, double *channel) {
    int64_t n = is->n, m = is->m;
    for (int64_t i = 0; i < n; i++) {
        double *restrict w = channel + i * m, a = log(is->p[i]) + f[i];
        for (int64_t j = 0; j < m; j++) w[j] = a;
        for (int64_t k = 0; k < is->tables; k++) {
            const double *d = is->d + (k * n + i) * m;
            for (int64_t j = 0; j < m; j++) w[j] -= s[k] * d[j];
        }
        if (is->forbidden)
            for (int64_t j = 0; j < m; j++) w[j] = is->forbidden[i * m + j] > 0.0 ? -INFINITY : w[j];
    }
    for (int64_t from = 0; from < m; from += BLOCK) { /* columns side by side, so that no scratch is needed for all */
        double top[BLOCK], total[BLOCK];
        int64_t count = m - from < BLOCK ? m - from : BLOCK;
        for (int64_t j = 0; j < count; j++) top[j] = -INFINITY, total[j] = 0.0;
        for (int64_t i = 0; i < n; i++) {
            const double *w = channel + i * m + from;
            for (int64_t j = 0; j < count; j++) top[j] = w[j] > top[j] ? w[j] : top[j];
        }
        for (int64_t j = 0; j < count; j++) top[j] = top[j] > -INFINITY ? top[j] : 0.0;
        for (int64_t i = 0; i < n; i++) {
            double *w = channel + i * m + from;
            for (int64_t j = 0; j < count; j++) total[j] += w[j] = exp_negative(w[j] - top[j]);
        }
        for (int64_t j = 0; j < count; j++) total[j] = total[j] > 0.0 ? r[from + j] / total[j] : 0.0;
        for (int64_t i = 0; i < n; i++) {
            double *w = channel + i * m + from;
            for (int64_t j = 0; j < count; j++) w[j] *= total[j];
        }
    }
}

int64_t rdp_descend(const rdp_problem *is, int64_t only_law, double *work, double *s, double *channel) {
    int64_t n = is->n, m = is->m, K = is->tables;
    const double *f = is->state, *left = f + n, *r = only_law ? is->law : left;
    double sum = 0.0;
    if (only_law) rdp_fixed(is, work);
    else rdp_solve(is, work);
    for (int64_t k = 0; k < K; k++) sum += s[k] = (only_law ? is->state[n] : left[m + k]) / is->limits[k];
    for (int64_t i = 0; i < n; i++) sum += f[i];
    for (int64_t j = 0; j < m; j++) sum += r[j];
    if (!isfinite(sum)) return 0;
    rdp_channel(is, f, s, r, channel);
    return 1;
}

void rdp_descend_many(int64_t count, const rdp_problem *problems, int64_t only_law, double *work, double *s, double *channels, int64_t *finite) {
    for (int64_t k = 0; k < count; k++) {
        const rdp_problem *is = problems + k;
        finite[k] = rdp_descend(is, only_law, work, s, channels);
        s += is->tables;
        channels += is->n * is->m;
    }
}

int rdp_wide_registers(void) {
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return 0;
#endif
}
