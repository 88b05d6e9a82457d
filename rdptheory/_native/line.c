/* The restricted program of pairs on a line by a primal-dual interior point on the laws themselves.

   Atom u has weight w_u, mean m_u, masses A_u = w_u a_u and B_u = w_u b_u. With C = (A, B) and s for what complements it,

     alpha log(A/(w p)) - mu + kappa - theta (x - m) = s_A,   beta log(B/(w q)) - nu + eta - 2 v m y = s_B,   C s = tau,
     sum A = w = sum B for each atom,  (x - m).A = 0,  kappa + eta = -(1-v) m^2,  sum_u C = (p, q),  the rates are kept,

   and the means that follow their valleys add  theta = 2 v k + 2 (1-v) m,  k = y.b. The laws are unknowns of their own
   and no softmax of the prices: as alpha and beta go to 0 they become letters, the program a linear one, and Newton's
   method does not mind. What belongs to one atom is eliminated in closed form: kappa, eta, theta, log w and m in turn.
   Spreads are summed about their own means, so that no digits cancel. What is left are the prices, in the order mu,
   alpha, nu, beta, v (`line_system.c`).

   Tables have a row for each letter, of X and then of Y, with the atoms side by side: there may be two letters only. */
#include "line.h"

#define NEAR 0.97 /* shares of the way to the boundary: a step of nearly full length goes further than one cut short */
#define FAR 0.9
#define SHORT 0.3 /* after a step shorter than this the goal is held at so much of the gap: the point is off the path */
#define HELD 0.5
#define CRAWL 0.02 /* so many steps in a row that are shorter than this end the steps, where atoms move: without that */
#define CRAWLS 8   /* it gets better */
#define PLAIN 0.1  /* a step with its second-order correction that is shorter than this is compared with one without */
#define LEAST_SHARE 1e-3 /* the least that a step may leave of the gap, and of the gap at the end */
#define LAST_SHARE 0.1
#define STILL 3 /* so many full steps at the last goal are enough: what is missed then is rounding */

static Parts parts(double **at, const Line *c, int64_t *used) {
    Parts p;
    int64_t k = c->k;
    p.all = p.mean = take(at, k, used);
    p.tilt = take(at, k, used), p.weight = take(at, k, used), p.kappa = take(at, k, used), p.eta = take(at, k, used);
    p.mass = take(at, c->letters * k, used), p.slack = take(at, c->letters * k, used);
    p.price = take(at, c->letters, used), p.nat = take(at, c->nats, used), p.left = take(at, c->nats, used);
    return p;
}

/* Give every array its place; with `work` NULL count the doubles only. */
static int64_t place(Line *c, const rdp_line *is, double *work) {
    int64_t used = 0, k = is->atoms, n = is->n, letters = n + is->m, nats = is->priced ? 3 : 2;
    c->is = is, c->n = n, c->letters = letters, c->k = k, c->nats = nats, c->prices = letters + nats;
    c->moving = 0;
    for (int64_t u = 0; u < k; u++) c->moving |= is->moving[u] != 0;
    c->wide = c->moving ? 2 * k : k;
    Parts *changes[3] = {&c->affine, &c->step, &c->plain};
    for (int i = 0; i < 3; i++) *changes[i] = parts(&work, c, &used);
    c->size = used / 3;
    double *state = is->state;
    int64_t ignored = 0;
    c->at = parts(&state, c, &ignored);
    double **tables[4] = {&c->laws, &c->logs, &c->bent, &c->bend};
    for (int i = 0; i < 4; i++) *tables[i] = take(&work, letters * k, &used);
    double **rows[] = {&c->zeros, &c->lean[1], &c->inverse, &c->sum[0], &c->sum[1], &c->turned[0], &c->turned[1],
                       &c->mean[0], &c->mean[1], &c->pulled, &c->raised, &c->rest[0], &c->rest[1], &c->bends[0],
                       &c->bends[1], &c->middle[0], &c->middle[1], &c->spread[0], &c->spread[1], &c->over[0],
                       &c->over[1], &c->slant, &c->reach[0], &c->reach[1], &c->coupled, &c->root[0], &c->root[1],
                       &c->root[2], &c->root[3], &c->root[4], &c->variance, &c->free, &c->t[0], &c->t[2], &c->t[1],
                       &c->t[3], &c->t[4], &c->excess, &c->mixed};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) *rows[i] = take(&work, k, &used);
    c->lean[0] = c->at.tilt;
    c->missed_law = take(&work, letters, &used);
    c->X = take(&work, 2 * k * (n + 1), &used);
    c->Y = take(&work, k * (c->prices - n - 1), &used);
    c->W = take(&work, c->wide * c->prices, &used);
    c->copy = take(&work, c->prices * c->prices, &used);
    c->system = take_matrix(&work, c->prices, &used);
    c->S = take_matrix(&work, k, &used);
    c->H = take_lines(&work, whole(c->prices) * c->S.stride, &used), c->y = take_lines(&work, whole(k), &used);
    double **columns[2] = {&c->z, &c->out};
    for (int i = 0; i < 2; i++) *columns[i] = take_lines(&work, whole(c->prices), &used);
    c->image = take(&work, 2 * k, &used), c->pushed = take(&work, 2 * k, &used);
    return used;
}

/* What a state misses. */
static void evaluate(Line *c) {
    const rdp_line *is = c->is;
    const Parts *at = &c->at;
    int64_t k = c->k;
    double v = c->v = is->priced ? at->nat[2] : 1.0, off = 0.0, laws_off = 0.0;
    c->gap = 0.0;
    for (int side = 0; side < 2; side++) clear(c->sum[side], k), clear(c->turned[side], k), clear(c->mean[side], k);
    for (int64_t u = 0; u < k; u++) {
        c->zeros[u] = 0.0;
        c->lean[1][u] = 2.0 * v * at->mean[u];
        c->inverse[u] = 1.0 / at->weight[u];
    }
    for (int64_t j = 0; j < c->letters; j++) {
        int side = side_of(c, j);
        const double *mass = at->mass + j * k, *slack = at->slack + j * k, *origin = origin_of(c, j), *lean = c->lean[side];
        const double *offset = side ? at->eta : at->kappa, *inverse = c->inverse;
        double *restrict laws = c->laws + j * k, *restrict logs = c->logs + j * k, *restrict bent = c->bent + j * k;
        double *restrict sum = c->sum[side], *restrict turned = c->turned[side], *restrict mean = c->mean[side];
        double nat = at->nat[side], price = at->price[j], point = point_of(c, j), scale = 1.0 / is->law[j], total = 0.0;
        for (int64_t u = 0; u < k; u++) laws[u] = mass[u] * inverse[u];
        for (int64_t u = 0; u < k; u++) logs[u] = log(laws[u] * scale);
        for (int64_t u = 0; u < k; u++) {
            bent[u] = (nat * logs[u] - price) + (offset[u] - lean[u] * (point - origin[u]));
            sum[u] += laws[u];
            turned[u] += laws[u] * logs[u];
            mean[u] += laws[u] * (point - origin[u]);
        }
        for (int64_t u = 0; u < k; u++) {
            total += mass[u];
            c->gap += mass[u] * slack[u];
            off += fabs(mass[u] * (bent[u] - slack[u]));
        }
        c->missed_law[j] = is->law[j] - total;
        laws_off += fabs(c->missed_law[j]);
    }
    double spent[3] = {0.0, 0.0, 0.0}, nats_off = 0.0;
    for (int64_t u = 0; u < k; u++) {
        double m = at->mean[u], w = at->weight[u], a = 1.0 - c->sum[0][u], b = 1.0 - c->sum[1][u];
        c->pulled[u] = at->tilt[u] * c->sum[0][u] - 2.0 * v * c->mean[1][u] - 2.0 * (1.0 - v) * m;
        c->raised[u] = a * at->nat[0] + b * at->nat[1] - (1.0 - v) * m * m - (at->kappa[u] + at->eta[u]);
        off += fabs(w * c->raised[u]);
        spent[0] += w * (c->turned[0][u] + a);
        spent[1] += w * (c->turned[1][u] + b);
        spent[2] -= w * (2.0 * m * c->mean[1][u] - m * m);
    }
    spent[0] -= is->rates[0], spent[1] -= is->rates[1];
    if (is->priced) spent[2] += is->spread - is->P / ((1.0 - v) * (1.0 - v));
    for (int64_t i = 0; i < c->nats; i++) {
        c->missed_left[i] = spent[i] + at->left[i];
        nats_off += at->nat[i] * fabs(c->missed_left[i]);
        c->gap += at->nat[i] * at->left[i];
    }
    c->missed = fmax(fmax(off, nats_off), laws_off);
}

/* How far everything that is above 0 stays so, v below 1, and atoms in their cells. */
static double longest(const Line *c, const Parts *to) {
    const Parts *at = &c->at;
    double worst = least_ratio(to->mass, at->mass, 2 * c->letters * c->k); /* and slacks */
    worst = smaller(worst, least_ratio(to->weight, at->weight, c->k));
    worst = smaller(worst, least_ratio(to->nat, at->nat, 2 * c->nats)); /* and what is left */
    if (c->is->priced) worst = smaller(worst, -to->nat[2] / (1.0 - c->v));
    for (int64_t u = 0; u < c->k && c->moving; u++) {
        double room = (to->mean[u] > 0.0 ? c->is->high[u] : c->is->low[u]) - at->mean[u];
        if (room != 0.0) worst = smaller(worst, -to->mean[u] / room);
    }
    return worst < 0.0 ? -1.0 / worst : INFINITY;
}

static double cut(double longest) { return smaller(1.0, longest > 1.05 ? NEAR * longest : FAR * longest); }

/* The gap after so much of a step. */
static double gap_after(const Line *c, const Parts *to, double t) {
    const Parts *at = &c->at;
    double sum = 0.0;
    for (int64_t i = 0; i < c->letters * c->k; i++)
        sum += (at->mass[i] + t * to->mass[i]) * (at->slack[i] + t * to->slack[i]);
    for (int64_t i = 0; i < c->nats; i++) sum += (at->nat[i] + t * to->nat[i]) * (at->left[i] + t * to->left[i]);
    return sum;
}

int64_t rdp_line_work_size(const rdp_line *is) {
    Line c;
    return place(&c, is, NULL);
}

/* Mehrotra's predictor and corrector until the gap and all that is missed are at most `end`; the steps. */
int64_t rdp_line_centre(const rdp_line *is, double *work) {
    Line line, *c = &line;
    place(c, is, work);
    double last = 1.0, pairings = (double)(c->letters * c->k + c->nats);
    int64_t count = 0, crawled = 0, still = 0;
    for (;; count++) {
        evaluate(c);
        crawled = last < CRAWL && c->moving ? crawled + 1 : 0;
        still = c->gap <= is->end && last >= FAR ? still + 1 : 0;
        if (count == is->most || crawled == CRAWLS || still == STILL || !isfinite(c->gap)) break;
        if ((c->gap <= is->end && c->missed <= is->end) || !line_factor(c)) break;
        line_direction(c, 0.0, NULL, &c->affine);
        double share = gap_after(c, &c->affine, smaller(1.0, longest(c, &c->affine))) / c->gap;
        share = larger(share * share * share, last >= SHORT ? LEAST_SHARE : HELD);
        double goal = larger(share * c->gap, LAST_SHARE * is->end) / pairings;
        const Parts *step = &c->step;
        line_direction(c, goal, &c->affine, &c->step);
        double length = cut(longest(c, &c->step));
        if (length < PLAIN) {
            line_direction(c, goal, NULL, &c->plain);
            double other = cut(longest(c, &c->plain));
            if (other > length) length = other, step = &c->plain;
        }
        if (!isfinite(length * total_of(step->all, c->size))) break;
        for (int64_t k = 0; k < c->size; k++) c->at.all[k] += length * step->all[k];
        last = length;
    }
    is->report[0] = c->gap;
    is->report[1] = c->missed;
    return count;
}
