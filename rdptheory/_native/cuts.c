/* Sets of cuts of a line that price their entropy: the shortest path over cells, and the price at which it bounds best. */
#include "rdp.h"
#include <math.h>
#include <string.h>

/* The cheapest cells 0 = j_0 < ... < j_N = end at this price: what they cost, and their surprise. */
static double cheapest(const double *cost, const double *surprise, int64_t size, int64_t end, double price, double *work,
                       double *spent) {
    double *value = work, *rate = work + size, *from = work + 2 * size;
    value[0] = rate[0] = from[0] = 0.0;
    for (int64_t j = 1; j <= end; j++) {
        const double *c = cost + j * size, *h = surprise + j * size;
        double least = INFINITY;
        int64_t best = 0;
        for (int64_t i = 0; i < j; i++) {
            double total = value[i] + (c[i] + price * h[i]);
            if (total < least) least = total, best = i;
        }
        value[j] = least;
        rate[j] = rate[best] + h[best];
        from[j] = (double)best;
    }
    *spent = rate[end];
    return value[end];
}

/* The slots of those cells, in order; their number is returned. */
static int64_t traced(const double *from, int64_t end, int64_t *slots) {
    int64_t count = 1;
    for (int64_t at = end; at > 0; at = (int64_t)from[at]) count++;
    for (int64_t at = end, k = count; k-- > 0; at = (int64_t)from[at]) slots[k] = at;
    return count;
}

/* One node: the bound rises along supporting lines, from the price given, until it is what two neighbours promise. */
static void bounded(const rdp_cuts *is, int64_t b, double *work) {
    int64_t size = is->size, end = is->end[b], *slots[2] = {is->low + b * size, is->high + b * size};
    const double *cost = is->cost + b * size * size, *surprise = is->surprise + b * size * size;
    double price = is->price[b], bound = -INFINITY, promised = INFINITY, at = price;
    double D[2] = {NAN, NAN}, H[2] = {NAN, NAN}; /* of the cuts of entropy at most R, and above */
    int64_t *count = is->counts + 2 * b;
    count[0] = count[1] = 0;
    for (int64_t step = 0; step < is->steps; step++) {
        double rate, best = is->constant + cheapest(cost, surprise, size, end, price, work, &rate);
        double here = best - price * is->R;
        if (here > bound) bound = here, at = price;
        if (here >= promised - is->rounding || here >= is->enough || !(best < INFINITY)) break;
        int over = rate > is->R;
        D[over] = best - price * rate, H[over] = rate;
        count[over] = traced(work + 2 * size, end, slots[over]);
        if (count[1] == 0 && price == 0.0) break;
        if (count[0] && count[1]) {
            price = fmax((D[0] - D[1]) / (H[1] - H[0]), 0.0);
            promised = D[0] + price * (H[0] - is->R);
        } else if (count[1]) price = 4.0 * price + is->least;
        else price = price > is->least ? 0.25 * price : 0.0;
    }
    is->bound[b] = bound;
    is->price[b] = at;
}

void rdp_bound_cuts(const rdp_cuts *is, double *work) {
    for (int64_t b = 0; b < is->nodes; b++) bounded(is, b, work);
}
