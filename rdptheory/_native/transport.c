/* What divergences of optimal transport are made of: the monotone plan of a line, and what a price of moves makes of a law. */
#include "rdp.h"
#include <math.h>

int64_t rdp_staircase(int64_t n, const double *upper, const double *lower, int64_t *i, int64_t *j, double *mass) {
    int64_t a = 0, b = 0, count = 0;
    double before = 0.0;
    while (a < n || b < n) {
        double cut = b >= n || (a < n && upper[a] <= lower[b]) ? upper[a] : lower[b];
        if (!(cut >= before)) return count; /* no sums of masses */
        i[count] = a < n ? a : n - 1;
        j[count] = b < n ? b : n - 1;
        mass[count++] = cut - before;
        before = cut;
        while (a < n && upper[a] <= cut) a++;
        while (b < n && lower[b] <= cut) b++;
    }
    return count;
}

/* max_j v_j - t c_j and the first j that has it: four candidates side by side, each the first of its own. */
static double best_place(const double *v, const double *c, int64_t m, double t, int64_t *at) {
    double best[4] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY}, place[4] = {0.0, 1.0, 2.0, 3.0}, from = 0.0;
    for (int64_t j = 0; j < m; j += 4, from += 4.0)
        for (int64_t l = 0; l < 4; l++) {
            int64_t here = j + l < m ? j + l : m - 1; /* beyond the end the last once more, which is not above itself */
            double score = v[here] - t * c[here];
            place[l] = score > best[l] ? from + (double)l : place[l];
            best[l] = score > best[l] ? score : best[l];
        }
    int64_t chosen = 0;
    for (int64_t l = 1; l < 4; l++)
        if (best[l] > best[chosen] || (best[l] == best[chosen] && place[l] < place[chosen])) chosen = l;
    *at = (int64_t)place[chosen] < m ? (int64_t)place[chosen] : m - 1;
    return best[chosen];
}

void rdp_tangent(int64_t k, int64_t m, const double *v, const double *q, const double *cost, double t, double *out) {
    double *law = out + 2;
    out[0] = out[1] = 0.0;
    for (int64_t j = 0; j < m; j++) law[j] = 0.0;
    for (int64_t i = 0; i < k; i++) {
        int64_t at;
        double best = best_place(v, cost + i * m, m, t, &at);
        out[0] += q[i] * best;
        out[1] += q[i] * cost[i * m + at];
        law[at] += q[i];
    }
}
