/* Every kind of problem and ball at small sizes, for the sanitisers; some of the problems have no answer. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "rdp.h"

static uint64_t seed = 88172645463325252u;

static double uniform(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (double)(seed >> 11) / 9007199254740992.0;
}

static double *law(int64_t n) {
    double *p = malloc(sizeof(double) * (size_t)n), sum = 0.0;
    for (int64_t i = 0; i < n; i++) sum += p[i] = 0.05 + uniform();
    for (int64_t i = 0; i < n; i++) p[i] /= sum;
    return p;
}

static double *table(int64_t n, int64_t m) {
    double *d = malloc(sizeof(double) * (size_t)(n * m));
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < m; j++) d[i * m + j] = j == i % m ? 0.0 : 0.2 + uniform();
    return d;
}

static void called(int64_t count, const double *t, double *phi, double *slope, double *curve) {
    for (int64_t k = 0; k < count; k++) {
        phi[k] = (t[k] - 1.0) * (t[k] - 1.0);
        slope[k] = 2.0 * (t[k] - 1.0);
        curve[k] = 2.0;
    }
}

static void sums(const rdp_problem *is, const double *f, const double *s, double *channel) {
    int64_t n = is->n, m = is->m, K = is->tables;
    const double **places = malloc(sizeof(double *) * (size_t)K);
    double *d = malloc(sizeof(double) * (size_t)(K * n * m)), *limits = malloc(sizeof(double) * (size_t)K);
    for (int64_t k = 0; k < K * n * m; k++) d[k] = k % 7 == 6 ? INFINITY : is->d[k];
    for (int64_t k = 0; k < K; k++) places[k] = d + k * n * m, limits[k] = k % 2 ? 0.0 : 0.3;
    rdp_tables t = {n, m, K, 1, is->p, limits, places};
    double *work = malloc(sizeof(double) * (size_t)((n + 1) * m)), *out = malloc(sizeof(double) * (size_t)(2 * m + K + 2));
    double *rows = malloc(sizeof(double) * (size_t)(n * m));
    rdp_column_sums(&t, f, s, work, out);
    for (int64_t j = 0; j < m; j++) channel[j] = 0.0; /* a row without mass */
    if (rdp_rows(&t, channel, rows)) rdp_weigh(&t, rows, out);
    channel[0] = NAN;
    rdp_rows(&t, channel, rows);
    free(places); free(d); free(limits); free(work); free(out); free(rows);
}

/* Before the judge: the channel and the multipliers that were found, and others that are none. */
static void judged(const rdp_problem *is, const double *f, double *channel) {
    int64_t n = is->n, m = is->m, *copy = malloc(sizeof(int64_t) * (size_t)n);
    const double *places[1] = {is->d};
    double limit = 1.0, *work = malloc(sizeof(double) * (size_t)rdp_judge_work(n, m));
    double *rows = malloc(sizeof(double) * (size_t)(2 * n * m)), *found = malloc(sizeof(double) * (size_t)(2 * (3 + m)));
    double *hopeless = law(n), *same = malloc(sizeof(double) * (size_t)(n * m));
    rdp_tables t = {n, m, 1, 0, is->p, &limit, places};
    for (int64_t i = 0; i < n; i++) copy[i] = i % m;
    for (int64_t k = 0; k < n * m; k++) same[k] = k % m ? 0.0 : 1.0;
    hopeless[n - 1] = -1e308;
    for (int zero = 0; zero < 2; zero++) {
        const rdp_ball *ball = is->ball;
        double D = 0.05 * uniform(), P = zero ? 0.0 : 0.1;
        rdp_outcome two[2] = {{&t, ball, copy, D, P, f, channel, 2.0, 0.7, rows, found, 0},
                              {&t, ball, copy, D, P, hopeless, same, 1e308, 1e-300, rows + n * m, found + 3 + m, 0}};
        double least[2];
        rdp_judge(2, two, work);
        rdp_least_means(2, two, work, least);
        two[0].s = NAN;
        channel[0] = -INFINITY;
        rdp_judge(1, two, work);
        channel[0] = 0.5;
    }
    free(copy); free(work); free(rows); free(found); free(hopeless); free(same);
}

static void moved(int64_t n, int64_t m) {
    double *v = law(m), *upper = law(n), *lower = law(n), *cost = table(n, m), *out = malloc(sizeof(double) * (size_t)(2 * n + m + 2));
    int64_t *i = malloc(sizeof(int64_t) * (size_t)(4 * n)), *j = i + 2 * n;
    for (int64_t k = 1; k < n; k++) upper[k] += upper[k - 1], lower[k] += lower[k - 1];
    lower[n - 1] = upper[n - 1];
    rdp_staircase(n, upper, lower, i, j, out);
    lower[0] = NAN;
    rdp_staircase(n, upper, lower, i, j, out);
    rdp_tangent(n, m, v, upper, cost, 0.5, out);
    free(v); free(upper); free(lower); free(cost); free(out); free(i);
}

static void run(int64_t n, int64_t m, int64_t tables, int64_t count, const rdp_ball *balls, int shut, int fixed, int near) {
    double report[4], *p = law(n), *q = law(m), *limits = malloc(sizeof(double) * (size_t)(tables + 1));
    double *d = malloc(sizeof(double) * (size_t)(tables * n * m + 1)), *forbidden = shut ? table(n, m) : NULL;
    for (int64_t k = 0; k < tables; k++) {
        double *one = table(n, m);
        for (int64_t i = 0; i < n * m; i++) d[k * n * m + i] = one[i];
        free(one);
        limits[k] = 0.3;
    }
    rdp_problem is = {n, m, tables, count, p, d, limits, forbidden, NULL, balls, q, 1e-9, 1e-3, 60, 0, near, NULL, report};
    is.state = malloc(sizeof(double) * (size_t)(fixed ? n + 1 : rdp_state_size(&is)));
    double *work = malloc(sizeof(double) * (size_t)(fixed ? rdp_fixed_work_size(&is) : rdp_work_size(&is)));
    double *f = law(n), *s = law(tables + 1), *channel = table(n, m);
    int64_t number;
    rdp_descend_many(1, &is, fixed, work, s, channel, &number);
    if (!fixed) {
        is.resume = 1; /* and on from there */
        is.gap = 1e-11;
        rdp_descend(&is, fixed, work, s, channel);
    }
    if (tables) sums(&is, f, s, channel);
    if (tables == 1 && (!count || (count == 1 && !balls->image && balls->kind != RDP_TRANSPORT && balls->kind != RDP_CALLED)))
        judged(&is, f, channel);
    free(p); free(q); free(limits); free(d); free(forbidden); free(is.state); free(work); free(f); free(s); free(channel);
}

static void cuts(int64_t nodes, int64_t size) {
    int64_t cells = nodes * size * size, *slots = malloc(sizeof(int64_t) * (size_t)(nodes * (2 * size + 3)));
    int64_t *end = slots + 2 * nodes * size, *counts = end + nodes;
    double *cost = law(cells), *surprise = law(cells), *price = law(nodes), *bound = law(nodes), *work = law(3 * size);
    for (int64_t k = 0; k < cells; k++) cost[k] = k % 5 == 4 ? INFINITY : -cost[k];
    for (int64_t b = 0; b < nodes; b++) end[b] = b % size;
    rdp_cuts is = {nodes, size, 50, cost, surprise, end, 1.0, 0.5 / (double)cells, 1e-9, 1e-15, INFINITY,
                   price, bound, counts, slots, slots + nodes * size};
    rdp_bound_cuts(&is, work);
    free(slots); free(cost); free(surprise); free(price); free(bound); free(work);
}

/* Prices above all that is worth its rate, and others from which no step is found; some atoms move. */
static void line(int64_t n, int64_t m, int64_t k, int priced, int moved) {
    int64_t letters = n + m, size = k * (5 + 2 * letters) + letters + (priced ? 6 : 4), *moving = malloc(sizeof(int64_t) * (size_t)k);
    double *both = law(letters), *x = law(n), *y = law(m), *low = law(k), *high = law(k), *state = law(size), report[2];
    for (int64_t j = 0; j < letters; j++) both[j] *= 2.0;
    for (int64_t u = 0; u < k; u++) moving[u] = moved && u % 2, low[u] -= 1.0, high[u] += 1.0;
    for (int64_t i = 0; i < size; i++) state[i] = i < k ? 0.0 : state[i] * (double)size / (i < 5 * k + letters * k ? 4.0 : 1.0);
    if (priced) state[size - 4] = 0.5;
    rdp_line is = {n, m, k, priced, both, x, y, low, high, moving, {0.1, 0.2}, 0.1, 1.0, 1e-9, 40, state, report};
    double *work = malloc(sizeof(double) * (size_t)rdp_line_work_size(&is));
    rdp_line_centre(&is, work);
    state[0] = NAN;
    rdp_line_centre(&is, work);
    free(moving); free(both); free(x); free(y); free(low); free(high); free(state); free(work);
}

int main(void) {
    for (int64_t n = 1; n <= 5; n++)
        for (int64_t m = 1; m <= 5; m++)
            for (int64_t k = 1; k <= 9; k += 2) line(n, m, k, (int)(k / 2 % 2), (int)(m % 2));
    for (int64_t size = 1; size <= 9; size++) cuts(12, size);
    for (int64_t n = 1; n <= 9; n++)
        for (int64_t m = 1; m <= 9; m += 1 + (n > 4)) {
            double *q = law(m), *cost = table(m, m), *image = malloc(sizeof(double) * (size_t)(2 * m)), half[2] = {0.5, 0.5};
            for (int64_t j = 0; j < m; j++) image[j] = (double)(j % 2), image[m + j] = 1.0 - image[j];
            rdp_ball kinds[] = {
                {RDP_POWER, m, m, 0.1, 1.0, 1.0, INFINITY, NULL, q, NULL, NULL, NULL},
                {RDP_POWER, m, m, 0.1, 0.0, 1.0, 1.0, NULL, q, NULL, NULL, NULL},
                {RDP_POWER, m, m, 0.1, 0.5, 0.5, 1.0, NULL, q, NULL, NULL, NULL},
                {RDP_POWER, m, m, 0.1, 3.0, 1.0, INFINITY, NULL, q, NULL, NULL, NULL},
                {RDP_JENSEN_SHANNON, m, m, 0.1, 0.0, 1.0, log(2.0), NULL, q, NULL, NULL, NULL},
                {RDP_CALLED, m, m, 0.1, 0.0, 1.0, INFINITY, called, q, NULL, NULL, NULL},
                {RDP_BOX, m, m, 0.1, 0.0, 1.0, 0.5, NULL, q, NULL, NULL, NULL},
                {RDP_TRANSPORT, m, m, 0.1, 0.0, 1.0, 0.0, NULL, q, NULL, cost, q},
                {RDP_FIXED, m, m, 0.0, 0.0, 1.0, 0.0, NULL, q, NULL, NULL, NULL},
                {RDP_BOX, 2, 2, 0.2, 0.0, 1.0, 0.5, NULL, half, image, NULL, NULL},
            };
            run(n, m, 1, 0, NULL, 0, 0, 0); run(n, m, 3, 0, NULL, 0, 0, 0); run(n, m, 1, 0, NULL, n <= m, 0, 0);
            for (int k = 0; k < 10; k++) run(n, m, 1 + k % 2, 1, kinds + k, 0, 0, 0);
            run(n, m, 1, 2, kinds + 6, 0, 0, 0); run(n, m, 1, 2, kinds + 7, 0, 0, 0); run(n, m, 1, 2, kinds + 8, 0, 0, 0);
            run(n, m, 1, 1, kinds + 6, 0, 0, 1); run(n, m, 0, 1, kinds + 6, 0, 0, 1);
            run(n, m, 1, 0, NULL, 0, 1, 0); run(n, m, 0, 0, NULL, n <= m, 1, 0);
            free(q); free(cost); free(image);
        }
    for (int64_t n = 62; n <= 65; n++) { /* rows of 64 stand further apart */
        double *q = law(64), *cost = table(64, 64);
        rdp_ball box = {RDP_BOX, 64, 64, 0.1, 0.0, 1.0, 0.5, NULL, q, NULL, NULL, NULL};
        rdp_ball plan = {RDP_TRANSPORT, 64, 64, 0.1, 0.0, 1.0, 0.0, NULL, q, NULL, cost, q};
        run(n, 64, 1, 1, &box, 0, 0, 0); run(n, 64, 1, 0, NULL, 0, 1, 0);
        if (n == 64) run(n, 64, 2, 1, &plan, 0, 0, 0);
        free(q); free(cost);
    }
    for (int64_t n = 129; n <= 134; n += 5) { /* more rows than a packed block has */
        double *q = law(134), *cost = table(134, 134);
        rdp_ball box = {RDP_BOX, 134, 134, 0.1, 0.0, 1.0, 0.5, NULL, q, NULL, NULL, NULL};
        rdp_ball plan = {RDP_TRANSPORT, 134, 134, 0.1, 0.0, 1.0, 0.0, NULL, q, NULL, cost, q};
        run(n, 134, 1, 1, &box, 0, 0, 0);
        if (n == 134) run(n, 134, 1, 1, &plan, 0, 0, 0);
        free(q); free(cost);
    }
    puts("ok");
    return 0;
}
