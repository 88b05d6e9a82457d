/* The loop around the Newton system: which step, how far, and when it is near enough for the judge. */
#include "core.h"

#define CORRECTORS 3       /* Gondzio's; more take as long as the steps they save (8.0 steps with 10 as with 4), */
#define OF_A_PLAN 6        /* but where the pairs of a plan change places one by one: a third of the steps at the worst */
#define BETA 0.3           /* products are brought to [BETA, 1/BETA] of their goal */
#define TOLERATED 0.01     /* share of P by which a ball may be broken before the centring waits for it */
#define PATIENCE 5         /* rounds without a tenth of progress on the residuals: then rounding has the word */
#define DIVERGED 1e10      /* multipliers beyond this belong to limits that no channel keeps */
#define AWAY 4.0           /* a step may end at so many times D, */
#define RISE 2.0           /* or multiply E d by so much; one that does not is shortened */
#define SHORTENED 0.3      /* by this factor, */
#define SHORTENINGS 8      /* so often */
#define CRAWL 0.01         /* an attempt is given up once its steps shorter than this outnumber the others since by so many: */
#define CRAWLS 12          /* one that crawls with breaks would take the steps of all attempts after it; */
#define GROWING 1.2        /* not counted where each is so many times as long as the last: a multiplier that began far too small */
#define CLOSE 100.0        /* times the gap asked for: from there on the best state is kept, as rounding may throw off the next */
#define MOVES (-0.3)       /* relative moves above this cannot stop a step short of 1: three of them sum to less */

#define NEAR 0.2           /* of P: how well the answer for the reference is found before the ball is opened */

static const double SHARES[7] = {-1.0, 0.01, 0.05, 0.15, 0.3, 0.5, 0.8}; /* of tau to aim at; -1 is Mehrotra's */

int64_t direction_size(const Core *c) { return c->n + 2 * c->pairs + c->frees; }

static void shape_ball(const rdp_problem *is, int64_t l, int64_t *priced, Ball *ball) {
    const rdp_ball *b = is->ball + l;
    memset(ball, 0, sizeof(Ball));
    ball->is = b;
    ball->size = b->size;
    ball->mu = b->kind == RDP_FIXED ? -1 : is->m + is->tables + (*priced)++;
    ball->stride = stride_of(b->size);
    ball->pairs = b->kind == RDP_BOX ? 2 * b->size : b->kind == RDP_TRANSPORT ? b->rows * b->size : 0;
}

/* Where everything lies: the state in the caller's `state`, the rest in `work`. */
int64_t lay_out(Core *c, const rdp_problem *is, double *work) {
    int64_t n = is->n, m = is->m, K = is->tables, L = is->balls, used = 0, priced = 0, own = 0, stride = stride_of(n), table = m * stride;
    Ball shape;
    memset(c, 0, sizeof(Core));
    c->is = is; c->n = n; c->m = m; c->K = K; c->L = L; c->stride = stride;
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
        if (b->kind == RDP_TRANSPORT && b->rows * shape.stride > table) table = b->rows * shape.stride;
    }
    c->own = own;
    c->pairs += priced;
    c->diagonal = !L || (L == 1 && !is->ball[0].image && is->ball[0].kind != RDP_TRANSPORT && is->ball[0].kind != RDP_FIXED);
    if (work) { /* the caller's, without a gap */
        c->f = is->state;
        c->left = c->f + n;
        c->right = c->left + c->pairs;
        c->free = c->right + c->pairs;
        c->weight = c->free + c->frees;
    }
    double *at = first_line(work);
    used = LINE; /* what may be skipped */
#define TAKE(name, count) c->name = take_lines(&at, (count), &used)
    int64_t columns = K + priced, wide = whole(n), wider = n > m ? n : m, own_stride = stride_of(own);
    c->ball = (Ball *)take_lines(&at, L * (int64_t)((sizeof(Ball) + 7) / 8), &used);
    take_tables(c, &at, &used);
    TAKE(scratch, table); TAKE(tilt, K * wide); TAKE(spent, K * wide); TAKE(dist, K); TAKE(held, n); TAKE(level_of, n);
    TAKE(lse, m); TAKE(logc, m); TAKE(h, m); TAKE(D, m);
    TAKE(mean, K * m); TAKE(second, K * K * m); TAKE(push, m); TAKE(rows_m, wider);
    TAKE(targets, c->pairs); TAKE(per_left, 2 * c->pairs);
    c->per_right = c->per_left ? c->per_left + c->pairs : NULL; /* side by side, as in a direction */
       TAKE(dv, whole(own)); TAKE(offset, own); TAKE(one, L); TAKE(none, L);
    TAKE(unit_f, columns * wide); TAKE(unit_r, columns * m); TAKE(unit_v, columns * whole(own));
    TAKE(border, columns * columns); TAKE(matrix, columns * columns); TAKE(wanted, columns); TAKE(border_row, columns);
    if (!c->diagonal) {
        int64_t rows = whole(own) > m ? whole(own) : m;
        c->response = take_matrix(&at, own, &used);
        TAKE(images, m * own_stride); TAKE(half, rows * own_stride); TAKE(across, whole(own) * stride); TAKE(H, whole(own) * own_stride);
    }
    int64_t own_at = m + columns, free_at = 0, number = 0;
    for (int64_t l = 0; l < L; l++) {
        const rdp_ball *b = is->ball + l;
        Ball *ball = work ? c->ball + l : &shape;
        shape_ball(is, l, &number, ball);
        int64_t k = b->size;
        double **arrays[] = {&ball->law, &ball->slope, &ball->curve, &ball->ratio, &ball->b, &ball->e, &ball->G, &ball->y, &ball->g};
        for (int a = 0; a < 9; a++) *arrays[a] = take_lines(&at, k, &used);
        ball->S = take_lines(&at, b->kind == RDP_TRANSPORT ? whole(k) * ball->stride : k, &used);
        ball->image_v = take_lines(&at, b->image ? m : 0, &used);
        if (b->kind == RDP_TRANSPORT) {
            ball->theta = take_lines(&at, b->rows * ball->stride, &used);
            ball->row_sum = take_lines(&at, b->rows, &used);
            ball->lean = take_lines(&at, b->rows, &used);
            ball->shift = take_lines(&at, b->rows, &used);
        }
        if (work) {
            ball->left = c->left + own_at;
            ball->right = c->right + own_at;
            ball->per_left = c->per_left + own_at;
            ball->per_right = c->per_right + own_at;
            ball->weight = c->weight + own_at;
            ball->v = c->free + free_at;
            ball->phi = c->free + free_at + k;
        }
        own_at += ball->pairs;
        free_at += k + (b->kind == RDP_TRANSPORT ? b->rows : 0);
    }
    int64_t d = direction_size(c);
    TAKE(affine, d); TAKE(centring, d); TAKE(second_order, d); TAKE(chosen, d); TAKE(trial, d); TAKE(kept, d);
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
    double worst = least_product(d + c->n, c->per_left, 2 * c->pairs);
    return worst < 0.0 ? -1.0 / worst : INFINITY;
}

/* chosen = affine + share centring + kappa second_order, for the best of 21 pairs (share, kappa); the share. */
static double choose(Core *c, double tau, double mass) {
    int64_t np = c->pairs, n = c->n, count = 0;
    double *a = c->affine + n, *b = c->centring + n, *d = c->second_order + n;
    double reach = fmin(1.0, longest(c, c->affine)), after = 0.0;
    for (int64_t j = 0; j < np; j++) after += (c->left[j] + reach * a[j]) * (c->right[j] + reach * a[np + j]);
    double left_over = after / mass, mehrotra = clip(left_over * left_over * left_over, 1e-6, 1.0), lowest = 0.02 * c->is->gap / c->total_weight / tau;
    double over = broken(c);
    if (over > TOLERATED) lowest = fmax(lowest, fmin(0.5, over));
    double *relative = c->moving, *by_share = relative + 2 * np, *by_kappa = by_share + 2 * np;
    const double *inverse = c->per_left;
    for (int64_t j = 0; j + WIDTH <= 2 * np; j += WIDTH) { /* vectors that may stop a step, packed */
        vec by = LOAD(inverse + j), x = LOAD(a + j) * by, y = LOAD(b + j) * by, z = LOAD(d + j) * by;
        STORE(relative + count) = x;
        STORE(by_share + count) = y;
        STORE(by_kappa + count) = z;
        count += least_in(smaller_of(x, smaller_of(y, z))) < MOVES ? WIDTH : 0;
    }
    for (int64_t j = 2 * np / WIDTH * WIDTH; j < 2 * np; j++, count++) {
        relative[count] = a[j] * inverse[j];
        by_share[count] = b[j] * inverse[j];
        by_kappa[count] = d[j] * inverse[j];
    }
    double best = INFINITY, share = 1.0, kappa = 0.0;
    const double kappas[3] = {0.0, reach, 1.0};
    for (int t = 0; t < 7; t++) {
        double this_share = fmax(SHARES[t] < 0.0 ? mehrotra : SHARES[t], lowest), worst[3];
        least_mixed(relative, by_share, by_kappa, this_share, kappas, count, worst);
        for (int u = 0; u < 3; u++) {
            double length = worst[u] < 0.0 ? -1.0 / worst[u] : INFINITY, merit = 1.0 - fmin(1.0, 0.95 * length) * (1.0 - this_share);
            if (merit < best) {
                best = merit;
                share = this_share;
                kappa = kappas[u];
            }
        }
    }
    int64_t size = direction_size(c);
    for (int64_t j = 0; j < size; j++) c->chosen[j] = c->affine[j] + share * c->centring[j] + kappa * c->second_order[j];
    return share;
}

static double corrected(Core *c, double share, double tau) {
    int64_t np = c->pairs, n = c->n, size = direction_size(c);
    double length = longest(c, c->chosen);
    for (int k = 0; k < (c->plan ? OF_A_PLAN : CORRECTORS) && length < 1.0; k++) {
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
    double kept = length >= (c->plan ? 0.98 : 0.95) ? fmax(1.0 - tau, 0.9) : c->plan ? 0.8 : 0.9;
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
    Core core;
    follow_law(&fixed, &core, work);
    *steps = (int64_t)report[0];
    return report[1] == RDP_READY;
}

/* The state at the end, and in `c` what belongs to it. */
static void iterate(const rdp_problem *is, Core *c, double *work) {
    int64_t step = 0, idle = 0, crawling = 0;
    int near = is->near && !is->resume && at_reference(is, work, &step); /* before `work` is laid out */
    lay_out(c, is, work);
    turn_tables(c);
    if (near) begin_near(c, is->state[c->n]);
    else if (!is->resume) begin(c);
    c->total_weight = total_of(c->weight, c->pairs);
    settle(c);
    double least = INFINITY, worst = INFINITY, mass = 0.0, last = 0.0, best = CLOSE * is->gap;
    int why = RDP_LIMIT;
    size_t size = sizeof(double) * (size_t)direction_size(c);
    for (;; step++) {
        mass = dot(c->left, c->right, c->pairs);
        if (!isfinite(mass)) { why = RDP_NO_STEP; break; }
        double steepest = 0.0;
        for (int64_t k = 0; k < c->K; k++) steepest = fmax(steepest, c->left[c->m + k]);
        if (steepest > DIVERGED) { why = RDP_DIVERGED; break; }
        if (mass <= CLOSE * is->gap) {
            worst = worst_residual(c);
            if (larger(mass, worst) < best) {
                best = larger(mass, worst);
                memcpy(c->kept, c->f, size);
            }
        }
        if (mass <= 0.5 * is->gap) {
            if (worst <= 0.25 * is->gap) { why = RDP_READY; break; }
            idle = worst >= 0.9 * least ? idle + 1 : 0;
            if (idle >= PATIENCE) { why = RDP_STALLED; break; }
            least = fmin(least, worst);
        }
        if (step >= is->max_steps) { why = RDP_LIMIT; break; }
        if (!factor(c)) { why = stopped(is) ? RDP_STOPPED : RDP_SINGULAR; break; }
        double length = advance(c, mass / c->total_weight, mass);
        if (!(length >= 1e-10)) { why = RDP_NO_STEP; break; }
        crawling = length >= CRAWL ? (crawling > 1 ? crawling - 1 : 0) : crawling + (length <= GROWING * last);
        if (crawling > CRAWLS) { why = RDP_CRAWLED; break; }
        last = length;
        move(c, length);
    }
    if (why != RDP_READY && best < CLOSE * is->gap) { /* what came after it is no better */
        memcpy(c->f, c->kept, size);
        evaluate(c);
        mass = dot(c->left, c->right, c->pairs);
        worst = worst_residual(c);
    }
    is->report[0] = (double)step;
    is->report[1] = why;
    is->report[2] = mass;
    is->report[3] = worst;
}

int64_t rdp_descend(const rdp_problem *is, int64_t only_law, double *work, double *s, double *channel) {
    int64_t n = is->n, m = is->m, K = is->tables;
    const double *f = is->state, *left = f + n, *r = only_law ? is->law : left;
    double sum = 0.0;
    Core core;
    if (only_law) follow_law(is, &core, work);
    else iterate(is, &core, work);
    for (int64_t k = 0; k < K; k++) sum += s[k] = (only_law ? is->state[n] : left[m + k]) / is->limits[k];
    for (int64_t i = 0; i < n; i++) sum += f[i];
    for (int64_t j = 0; j < m; j++) sum += r[j];
    if (!isfinite(sum)) return 0;
    write_channel(&core, r, channel);
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
