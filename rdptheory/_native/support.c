/* sigma_P(v) = max { <v, r> : r a law, delta(q, r) <= P }, bounded from above with its rounding (docs/method.md). */
#include "judge.h"

#define NEWTON_STEPS 200 /* of a search that takes a dozen, or about 60 where it has to bisect */
#define SETTLED 1e-11    /* nats that the bound at a given mu may be above the least: what a solver leaves anyway */
#define EDGE 1e-14       /* share of the way to the pole of the ratio that the search keeps away from it */
#define FARTHEST 1e150   /* nats between two prices: their squares are numbers that float64 holds */

static double greatest(const double *v, int64_t m) {
    double top = v[0];
    for (int64_t j = 1; j < m; j++) top = v[j] > top ? v[j] : top;
    return top;
}

/* <v, q>. */
static double mean_bound(const double *q, const double *v, int64_t m) {
    double top = greatest(v, m), below = 0.0;
    for (int64_t j = 0; j < m; j++) below += q[j] * (top - v[j]);
    return above(top - below * (1.0 - UNIT * ((double)m + 8.0)));
}

/* The price under which less than P units of mass lie, and with it P or more, as its distance below the highest: a list
   of candidates is parted around one of them until that is it. Any other threshold would bound sigma as well. `below` (m)
   holds the distances, `list` (m) is scratch. */
static double threshold(const double *q, const double *below, int64_t m, double P, double *list) {
    double highest = 0.0;
    int64_t count = m;
    memcpy(list, below, sizeof(double) * (size_t)m);
    while (count > 0) {
        double a = list[0], b = list[count / 2], c = list[count - 1], pivot = a < b ? (b < c ? b : a < c ? c : a) : a < c ? a : b < c ? c : b;
        double over = 0.0, at = 0.0; /* mass that is priced lower, and as low */
        for (int64_t j = 0; j < m; j++) {
            over += below[j] > pivot ? q[j] : 0.0;
            at += below[j] == pivot ? q[j] : 0.0;
        }
        int64_t kept = 0;
        if (over + at >= P) {
            highest = pivot;
            if (over < P) break;
            for (int64_t k = 0; k < count; k++)
                if (list[k] > pivot) list[kept++] = list[k];
        } else
            for (int64_t k = 0; k < count; k++)
                if (list[k] < pivot) list[kept++] = list[k];
        count = kept;
    }
    return highest;
}

/* Total variation: sum q max(v, v_t) + P (v_max - v_t). */
static double box(const double *q, double P, const double *v, int64_t m, double *below, double *list) {
    double top = greatest(v, m), kept = 0.0;
    if (P >= 1.0) return top;
    for (int64_t j = 0; j < m; j++) below[j] = top - v[j]; /* >= 0, so that only differences are rounded */
    double least = threshold(q, below, m, P, list);
    for (int64_t j = 0; j < m; j++) kept += q[j] * (below[j] < least ? below[j] : least);
    double saved = kept - P * least - UNIT * ((double)m + 8.0) * (kept + P * least);
    return above(top - (saved > 0.0 ? saved : 0.0));
}

/* The gamma with sum q t((w - gamma)/mu) = 1, or the smallest that the pole of t allows; begun at `begin`. */
static double normaliser(const Phi *phi, const double *q, const double *w, int64_t m, double mu, double begin, double pole) {
    double low = INFINITY, high = -INFINITY, sum = 0.0;
    if (phi->form == KL) {
        for (int64_t j = 0; j < m; j++) sum += q[j] > 0.0 ? q[j] * exp(w[j] / mu) : 0.0;
        return mu * log(sum);
    }
    for (int64_t j = 0; j < m; j++)
        if (q[j] > 0.0) {
            low = w[j] < low ? w[j] : low;
            high = w[j] > high ? w[j] : high;
        }
    if (isfinite(phi->recession)) {
        double edge = -mu * phi->recession * (1.0 - EDGE);
        low = edge > low ? edge : low;
        high = low > high ? low : high;
    }
    double gamma = low < begin && begin < high ? begin : low;
    for (int step = 0; step < NEWTON_STEPS; step++) {
        double excess = -1.0, slope = 0.0;
        for (int64_t j = 0; j < m; j++)
            if (q[j] > 0.0) {
                double y = (w[j] - gamma) / mu, rise, t = phi_ratio(phi, y < pole ? y : pole, &rise);
                excess += q[j] * t;
                slope += q[j] * rise;
            }
        if (excess > 0.0) low = gamma;
        else high = gamma;
        /* Newton from the left of a decreasing convex function never overshoots, but crawls while the sum is large */
        double next = gamma + (slope > 0.0 ? excess * mu / slope : INFINITY);
        if (!(low < next && next < high && fabs(excess) < 1.0)) next = 0.5 * (low + high);
        if (fabs(next - gamma) <= 1e-15 * (fabs(gamma) + mu) || high <= low) break;
        gamma = next;
    }
    return gamma;
}

/* mu P + gamma + mu sum q phi*((w - gamma)/mu), arguments rounded upwards; INFINITY if the pair is not feasible. */
static double objective(const double *q, double P, const Phi *phi, const double *w, int64_t m, double mu, double gamma) {
    double sum = 0.0, size = 0.0, bare = -INFINITY, held = 0.0;
    for (int64_t j = 0; j < m; j++) {
        double y = (w[j] - gamma) / mu;
        y += 8.0 * UNIT * fabs(y);
        if (q[j] > 0.0) {
            if (!(y < phi->recession)) return INFINITY;
            double value = phi_conjugate(phi, y);
            sum += q[j] * value;
            size += q[j] * fabs(value);
            held += 1.0;
        } else bare = y > bare ? y : bare;
    }
    if (isfinite(phi->recession) && !(bare <= phi->recession)) return INFINITY;
    size = mu * P + fabs(gamma) + mu * size;
    double bound = mu * P + gamma + mu * sum + UNIT * (held + 16.0) * size;
    return bound < INFINITY ? bound : INFINITY;
}

/* A smooth f-divergence at the mu that a method ended with: any mu and gamma give a bound. */
static int smooth(const rdp_ball *ball, double P, const double *v, int64_t m, double mu, double *w, double *bound) {
    const double *q = ball->q;
    Phi phi = phi_of(ball);
    if (phi.form == UNKNOWN || !(mu > 0.0 && mu < INFINITY)) return 0;
    double top = -INFINITY, pole = isfinite(phi.recession) ? nextafter(phi.recession, -INFINITY) : INFINITY;
    for (int64_t j = 0; j < m; j++)
        if ((q[j] > 0.0 || isfinite(phi.recession)) && v[j] > top) top = v[j];
    for (int64_t j = 0; j < m; j++) w[j] = (v[j] - top) * (1.0 - 4.0 * UNIT); /* upwards */
    double gamma = normaliser(&phi, q, w, m, mu, -top, pole); /* where v prices the law itself, its level is 0 */
    double value = objective(q, P, &phi, w, m, mu, gamma), delta = 0.0, mass = 0.0, unused;
    for (int64_t j = 0; j < m; j++)
        if (q[j] > 0.0) {
            double y = (w[j] - gamma) / mu, t;
            y = y < pole ? y : pole;
            t = phi_ratio(&phi, y, &unused);
            delta += q[j] * (t * y - phi_conjugate(&phi, y));
            mass += q[j] * t;
        }
    if (isfinite(phi.recession) && mass < 1.0) delta += phi.recession * (1.0 - mass);
    double missed = fabs(P - delta); /* the bound is convex in mu, with slope P - delta */
    *bound = above(top + (value < 0.0 ? value : 0.0));
    return mu * missed * (missed < P ? missed / P : 1.0) <= SETTLED;
}

int support(const rdp_ball *ball, double P, const double *v, int64_t m, double mu, double *work, double *bound) {
    double least = v[0];
    for (int64_t j = 1; j < m; j++) least = v[j] < least ? v[j] : least;
    if (!ball) *bound = greatest(v, m);
    else if (!(greatest(v, m) - least <= FARTHEST)) return 0;
    else if (P == 0.0) *bound = mean_bound(ball->q, v, m);
    else if (ball->kind == RDP_BOX) *bound = box(ball->q, P, v, m, work, work + m);
    else return smooth(ball, P, v, m, mu, work, bound);
    return 1;
}

void rdp_least_means(int64_t count, const rdp_outcome *outcomes, double *work, double *least) {
    for (int64_t k = 0; k < count; k++) {
        const rdp_outcome *at = outcomes + k;
        int64_t n = at->is->n, m = at->is->m;
        const double *p = at->is->p, *d = at->is->d[0], *q = at->ball ? at->ball->q : NULL;
        double *v = work, mu = 0.0, bound;
        memset(v, 0, sizeof(double) * (size_t)m);
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < m; j++) v[j] -= p[i] * d[i * m + j];
        bound = greatest(v, m);
        if (q && at->P > 0.0 && at->ball->kind != RDP_BOX) { /* the multiplier next to q, where delta is a quadratic form */
            Phi phi = phi_of(at->ball);
            double mean = 0.0, spread = 0.0;
            for (int64_t j = 0; j < m; j++) mean += q[j] * v[j];
            for (int64_t j = 0; j < m; j++) spread += q[j] * (v[j] - mean) * (v[j] - mean);
            mu = sqrt(spread / (2.0 * phi_curvature(&phi, 1.0) * at->P));
        }
        support(at->ball, at->P, v, m, mu, work + m, &bound); /* any bound serves */
        least[k] = -bound;
    }
}
