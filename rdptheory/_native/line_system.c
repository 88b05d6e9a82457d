/* The Newton system of pairs on a line: `line.c` has its conditions. */
#include "line.h"

#define BENT 1e-7 /* share of its own curvature by which a valley must be one for its atom to follow it */
#define STRIDE 0.3 /* of the deviation of its law, what an atom may move in a step by the slope of its valley */
#define RELATIVE 1e-13 /* of the spread about its mean, added to that about the middle of a law: one letter has none */
#define COUPLED 0.5 /* share of the product of their bends that weight and mean of an atom may be coupled by, squared */
#define LEAST_PIVOT 0.01 /* of the prices of a nat: a pivot of log w below it is held, see `eliminate` */

/* The systems of atoms in kappa + theta m, eta, theta, log w and m, symmetric with signs + + + - -. With the moments
   bends, middle, spread of `bend` on either side, and sums a. of laws, what is left of row after row is

       theta: spread;  theta, log w: middle;  theta, m: -a.;
       log w: -rest.(alpha, beta) - over^2/bends - middle^2/spread;
       log w, m: 2 v middle_Y + 2 (1-v) m - theta + middle a./spread;  m: 4 v^2 spread_Y + 2 (1-v) - a.^2/spread.

   An atom in use has next to no slack, and a pivot -h of log w next to 0; what is divided by it would take the digits
   of all else in the system of the prices. It is eliminated with the pivot -f, f = LEAST_PIVOT (alpha + beta), and what
   was too much stays an unknown y = (f - h) dlog w: the system is (M G; G' -E) in (z, y), E = h/(f - h), for a moving
   atom less the square of its share of m. */
static void eliminate(Line *c) {
    const Parts *at = &c->at;
    int64_t k = c->k;
    double v = c->v, alpha = at->nat[0], beta = at->nat[1];
    for (int64_t u = 0; u < k; u++) {
        double middle = c->middle[0][u], about = c->spread[0][u] + middle * middle * c->bends[0][u];
        double spread = c->spread[0][u] += RELATIVE * about;
        double m = at->mean[u], w = at->weight[u], whole = c->sum[0][u];
        double a = 1.0 - whole + c->rest[0][u], b = 1.0 - c->sum[1][u] + c->rest[1][u];
        double heavy = -(c->rest[0][u] * alpha + c->rest[1][u] * beta) - a * a / c->bends[0][u] - b * b / c->bends[1][u]
                       - middle * middle / spread;
        double least = LEAST_PIVOT * (alpha + beta), pivot = smaller(heavy, -least);
        c->over[0][u] = a / c->bends[0][u], c->over[1][u] = b / c->bends[1][u];
        c->slant[u] = middle / spread;
        c->root[0][u] = sqrt(w / c->bends[0][u]), c->root[1][u] = sqrt(w / c->bends[1][u]);
        c->root[2][u] = sqrt(w / spread), c->root[3][u] = sqrt(w / -pivot);
        c->excess[u] = heavy > pivot ? -heavy / (heavy - pivot) : -1.0;
        c->mixed[u] = c->free[u] = c->reach[0][u] = c->reach[1][u] = c->coupled[u] = c->root[4][u] = 0.0;
        if (!c->is->moving[u]) continue;
        double own = 4.0 * v * v * c->spread[1][u] + 2.0 * (1.0 - v), valley = own - whole * whole / spread;
        double convex = own + 4.0 * v * v * c->middle[1][u] * c->middle[1][u] * c->bends[1][u];
        if (!(valley < -BENT * convex)) continue; /* an atom on a ridge stays */
        /* where the slope of the valley is steep beside what weight and mean bend, the two are told to move apart */
        double stride = STRIDE * sqrt(fmax(c->variance[u], 1e-300));
        double bent = valley - fmax(fabs(c->pulled[u]) / stride - fabs(valley), 0.0);
        double most = sqrt(COUPLED * heavy * bent);
        double across = 2.0 * v * c->middle[1][u] + 2.0 * (1.0 - v) * m - at->tilt[u] + middle * whole / spread;
        c->free[u] = 1.0;
        c->coupled[u] = clip(across, -most, most) / pivot;
        c->reach[0][u] = whole / spread, c->reach[1][u] = 2.0 * v;
        c->root[4][u] = sqrt(w / (pivot * c->coupled[u] * c->coupled[u] - bent));
        if (c->excess[u] < 0.0) continue;
        c->mixed[u] = c->coupled[u] * c->root[4][u] / c->root[3][u];
        c->excess[u] = larger(c->excess[u] - c->mixed[u] * c->mixed[u], 0.0);
    }
}

/* What is left for the weights that are held, E + G' M^-1 G, factored; 0 if that fails. */
static int factor_held(Line *c) {
    int64_t k = c->k, T = c->prices;
    Matrix *S = &c->S;
    S->n = 0;
    for (int64_t u = 0; u < k; u++) S->n += c->excess[u] >= 0.0;
    int64_t wide = whole(S->n), at = 0;
    clear(c->H, whole(T) * S->stride);
    clear(S->scale, wide);
    for (int64_t u = 0; u < k; u++) {
        if (c->excess[u] < 0.0) continue;
        double *one = c->H + at;
        for (int64_t i = 0; i < T; i++) one[i * S->stride] = c->W[i * c->wide + u];
        for (int64_t i = 0; i < T && c->moving; i++) one[i * S->stride] -= c->mixed[u] * c->W[i * c->wide + k + u];
        S->diagonal[at++] = c->excess[u];
    }
    forward_columns(&c->system, c->H, S->stride, wide);
    columns_with_columns(c->H, S->stride, wide, c->H, S->stride, wide, whole(T), S->M, S->stride, 1);
    for (int64_t i = 0; i < S->n; i++) S->diagonal[i] += S->M[i * (S->stride + 1)];
    return factor_scaled(S);
}

/* Prices z and what is held for a right-hand side z of the prices and t of the atoms, from which it is taken. */
static void hold(Line *c) {
    int64_t k = c->k, T = c->prices, i = 0;
    double *y = c->y, *pushed = c->pushed, *heavy = c->t[3];
    for (int64_t j = T; j < whole(T); j++) c->z[j] = 0.0;
    memcpy(c->out, c->z, sizeof(double) * (size_t)whole(T));
    solve_scaled(&c->system, c->out);
    clear(c->image, 2 * k);
    transposed_product(c->W, c->wide, T, c->wide, c->out, c->image);
    for (int64_t u = 0; u < 2 * k; u++) c->image[u] -= heavy[u];
    clear(y, whole(c->S.n));
    for (int64_t u = 0; u < k; u++)
        if (c->excess[u] >= 0.0) y[i++] = c->image[u] - c->mixed[u] * c->image[k + u];
    solve_scaled(&c->S, y);
    clear(pushed, 2 * k);
    i = 0;
    for (int64_t u = 0; u < k; u++)
        if (c->excess[u] >= 0.0) pushed[u] = y[i++], pushed[k + u] = -c->mixed[u] * pushed[u];
    product(c->W, c->wide, T, c->wide, pushed, c->out);
    for (int64_t j = 0; j < T; j++) c->z[j] -= c->out[j];
    solve_scaled(&c->system, c->z);
    for (int64_t u = 0; u < 2 * k; u++) heavy[u] -= pushed[u];
}

/* The Newton system of the prices, factored; 0 if that fails. */
int line_factor(Line *c) {
    const rdp_line *is = c->is;
    const Parts *at = &c->at;
    int64_t k = c->k, n = c->n, T = c->prices, wide = c->wide;
    for (int side = 0; side < 2; side++) {
        clear(c->rest[side], k), clear(c->bends[side], k);
        clear(c->middle[side], k), clear(c->spread[side], k);
    }
    clear(c->variance, k);
    for (int64_t j = 0; j < c->letters; j++) {
        int side = side_of(c, j);
        const double *laws = c->laws + j * k, *slack = at->slack + j * k, *origin = origin_of(c, j);
        double *restrict bend = c->bend + j * k, *restrict rest = c->rest[side], *restrict bends = c->bends[side];
        double *restrict middle = c->middle[side], nat = at->nat[side], point = point_of(c, j);
        for (int64_t u = 0; u < k; u++) {
            double b = bend[u] = laws[u] / (nat + slack[u]);
            rest[u] += b * slack[u];
            bends[u] += b;
            middle[u] += b * (point - origin[u]);
        }
    }
    for (int side = 0; side < 2; side++)
        for (int64_t u = 0; u < k; u++) c->middle[side][u] /= c->bends[side][u];
    for (int64_t j = 0; j < c->letters; j++) {
        int side = side_of(c, j);
        const double *laws = c->laws + j * k, *bend = c->bend + j * k, *middle = c->middle[side], *origin = origin_of(c, j);
        double *restrict spread = c->spread[side], *restrict variance = c->variance;
        double point = point_of(c, j), x = side ? 0.0 : 1.0;
        for (int64_t u = 0; u < k; u++) {
            double from = point - origin[u], d = from - middle[u];
            spread[u] += bend[u] * d * d;
            variance[u] += x * laws[u] * from * from;
        }
    }
    eliminate(c);

    /* Rows of letters, scaled by roots of weight over pivot: -b | b d in kappa and theta, -b in eta, then log w and m;
       those of alpha, beta and v are sums of them: these prices are multiplied with log(a/p) and 2 m y. */
    double *alpha = c->X + n * 2 * k, *beta = c->Y + (c->letters - n) * k, *priced = beta + k;
    double *row[3];
    for (int64_t i = 0; i < c->nats; i++) clear(row[i] = c->W + nat_row(c, i) * wide, wide);
    clear(alpha, 2 * k);
    clear(beta, (c->nats - 1) * k);
    for (int64_t j = 0; j < c->letters; j++) {
        int side = side_of(c, j), move = c->moving;
        const double *b = c->bend + j * k, *logs = c->logs + j * k, *middle = c->middle[side], *origin = origin_of(c, j);
        const double *bends = c->bends[side], *reach = c->reach[side], *slant = side ? c->zeros : c->slant;
        const double *coupled = c->coupled, *root3 = c->root[3], *root4 = c->root[4], *m = at->mean;
        double *restrict own = side ? c->Y + (j - n) * k : c->X + j * 2 * k, *restrict turned = side ? beta : alpha;
        double *restrict W = c->W + row_of(c, j) * wide, *restrict nat = row[side], point = point_of(c, j);
        for (int64_t u = 0; u < k; u++) {
            own[u] = -b[u] * c->root[side][u];
            turned[u] -= logs[u] * own[u];
        }
        for (int64_t u = 0; u < k && !side; u++) {
            own[k + u] = b[u] * (point - origin[u] - middle[u]) * c->root[2][u];
            turned[k + u] -= logs[u] * own[k + u];
        }
        for (int64_t u = 0; u < k; u++) {
            W[u] = b[u] * (1.0 / bends[u] - slant[u] * (point - origin[u] - middle[u])) * root3[u];
            nat[u] -= logs[u] * W[u];
        }
        for (int64_t u = 0; u < k && move; u++) {
            double d = point - origin[u] - middle[u];
            W[k + u] = b[u] * (d * reach[u] - coupled[u] * (1.0 / bends[u] - slant[u] * d)) * root4[u];
            nat[k + u] -= logs[u] * W[k + u];
        }
        for (int64_t u = 0; u < k && side && is->priced; u++) {
            double pull = 2.0 * m[u] * point;
            priced[u] += pull * own[u];
            row[2][u] += pull * W[u];
            if (move) row[2][k + u] += pull * W[k + u];
        }
    }
    for (int64_t u = 0; u < k; u++) { /* and what these prices add to the conditions of log w and m themselves */
        double m = at->mean[u], rise[3] = {c->sum[0][u] - 1.0, c->sum[1][u] - 1.0, -m * m};
        for (int64_t i = 0; i < c->nats; i++) {
            double pushed = i == 2 ? 2.0 * (c->mean[1][u] - m) : 0.0;
            row[i][u] += rise[i] * c->root[3][u];
            if (c->moving) row[i][k + u] += (pushed - c->coupled[u] * rise[i]) * c->root[4][u];
        }
    }

    int64_t first = n + 1, rest = T - first, S = c->system.stride;
    double *M = c->system.M, *diagonal = c->system.diagonal;
    rows_with_rows(c->W, T, wide, M, S);
    rows_with_rows(c->X, first, 2 * k, c->copy, first);
    for (int64_t i = 0; i < first; i++)
        for (int64_t j = i; j < first; j++) M[i * S + j] -= c->copy[i * first + j];
    rows_with_rows(c->Y, rest, k, c->copy, rest);
    for (int64_t i = 0; i < rest; i++)
        for (int64_t j = i; j < rest; j++) M[(first + i) * S + first + j] -= c->copy[i * rest + j];
    for (int64_t j = 0; j < c->letters; j++) {
        int side = side_of(c, j);
        const double *bend = c->bend + j * k, *logs = c->logs + j * k;
        double b = 0.0, turned = 0.0, twice = 0.0, drawn = 0.0, mixed = 0.0, pulled = 0.0, point = point_of(c, j);
        for (int64_t u = 0; u < k; u++) {
            double mass = at->weight[u] * bend[u];
            b += mass, turned += mass * logs[u], twice += mass * logs[u] * logs[u];
        }
        for (int64_t u = 0; u < k && side && is->priced; u++) {
            double mass = at->weight[u] * bend[u], pull = 2.0 * at->mean[u] * point;
            drawn += mass * pull, mixed += mass * pull * logs[u], pulled += mass * pull * pull;
        }
        int64_t here = row_of(c, j), nat = nat_row(c, side), last = T - 1;
        M[here * S + here] += b;
        M[here * S + nat] -= turned;
        M[nat * S + nat] += twice;
        if (!side || !is->priced) continue;
        M[here * S + last] += drawn;
        M[nat * S + last] -= mixed;
        M[last * S + last] += pulled;
    }
    for (int64_t i = 0; i < c->nats; i++) M[nat_row(c, i) * (S + 1)] += at->left[i] / at->nat[i];
    if (is->priced) M[(T - 1) * (S + 1)] += 2.0 * is->P / ((1.0 - c->v) * (1.0 - c->v) * (1.0 - c->v));

    double trace = 0.0; /* a constant that goes from mu to nu changes nothing: it is pinned */
    for (int64_t i = 0; i < T; i++) trace += M[i * (S + 1)];
    trace /= (double)(T * c->letters);
    for (int64_t i = 0; i < c->letters; i++)
        for (int64_t j = 0; j <= i; j++)
            M[row_of(c, j) * S + row_of(c, i)] += side_of(c, i) == side_of(c, j) ? trace : -trace;
    static const double lifts[6] = {0.0, 1e-15, 1e-13, 1e-11, 1e-9, 1e-7}; /* where a pivot is none, in turn */
    for (int64_t i = 0; i < T; i++) {
        diagonal[i] = M[i * (S + 1)];
        if (!(diagonal[i] > 0.0) || !isfinite(diagonal[i])) return 0;
        c->system.scale[i] = 1.0 / sqrt(diagonal[i]);
    }
    return factor_lifted(&c->system, lifts, 6) && factor_held(c);
}

/* The step to products `goal` of all masses and slacks, and of prices of nats and what is left, less those of `second`. */
void line_direction(Line *c, double goal, const Parts *second, const Parts *to) {
    const rdp_line *is = c->is;
    const Parts *at = &c->at;
    int64_t k = c->k, n = c->n, T = c->prices, first = n + 1;
    double v = c->v, *z = c->z, *out = c->out, **t = c->t, ends[3];
    clear(t[0], 5 * k);
    for (int64_t i = 0; i < c->nats; i++) {
        ends[i] = goal - (second ? second->nat[i] * second->left[i] : 0.0);
        z[nat_row(c, i)] = c->missed_left[i] - at->left[i] + ends[i] / at->nat[i];
    }
    for (int64_t j = 0; j < c->letters; j++) {
        int side = side_of(c, j);
        const double *mass = at->mass + j * k, *bent = c->bent + j * k, *bend = c->bend + j * k, *logs = c->logs + j * k;
        const double *origin = origin_of(c, j);
        double *restrict drive = to->mass + j * k, *restrict wanted = to->slack + j * k, *restrict total = t[side];
        double *restrict drawn = t[side ? 4 : 2], *restrict heavy = t[3], nat = at->nat[side], point = point_of(c, j);
        double sum = 0.0, turned = 0.0, pulled = 0.0;
        for (int64_t u = 0; u < k; u++) wanted[u] = goal;
        if (second)
            for (int64_t u = 0; u < k; u++) wanted[u] -= second->mass[j * k + u] * second->slack[j * k + u];
        for (int64_t u = 0; u < k; u++) {
            drive[u] = wanted[u] / mass[u] - bent[u];
            double driven = bend[u] * drive[u];
            total[u] += driven;
            heavy[u] -= driven * nat;
            drawn[u] -= driven * (point - origin[u]);
        }
        for (int64_t u = 0; u < k; u++) {
            double driven = at->weight[u] * bend[u] * drive[u];
            sum += driven, turned += driven * logs[u], pulled += driven * at->mean[u];
        }
        z[row_of(c, j)] = c->missed_law[j] - sum;
        z[nat_row(c, side)] += turned;
        if (side && is->priced) z[T - 1] -= 2.0 * point * pulled;
    }
    for (int64_t u = 0; u < k; u++) {
        double a = c->sum[0][u], slope = c->pulled[u] + at->tilt[u] * (1.0 - a) + 2.0 * v * t[4][u];
        double t0 = t[0][u] + a - 1.0, t1 = t[1][u] + c->sum[1][u] - 1.0;
        double t2 = t[2][u] - c->mean[0][u] + c->middle[0][u] * t0;
        double t3 = t[3][u] + c->raised[u] - c->over[0][u] * t0 - c->over[1][u] * t1 - c->slant[u] * t2;
        double t4 = c->free[u] * (slope + 2.0 * v * c->middle[1][u] * t1) + c->reach[0][u] * t2 - c->coupled[u] * t3;
        t[0][u] = t0 * c->root[0][u], t[1][u] = t1 * c->root[1][u], t[2][u] = t2 * c->root[2][u];
        t[3][u] = t3 * c->root[3][u], t[4][u] = t4 * c->root[4][u];
    }
    product(c->X, 2 * k, first, 2 * k, t[0], out);
    product(c->Y, k, T - first, k, t[1], out + first);
    for (int64_t i = 0; i < T; i++) z[i] -= out[i];
    product(c->W, c->wide, T, c->wide, t[3], out);
    for (int64_t i = 0; i < T; i++) z[i] += out[i];
    hold(c);
    transposed_product(c->X, 2 * k, first, 2 * k, z, c->image);
    for (int64_t u = 0; u < 2 * k; u++) t[0][u] -= c->image[u];
    transposed_product(c->Y, k, T - first, k, z + first, c->image);
    for (int64_t u = 0; u < k; u++) t[1][u] -= c->image[u];
    transposed_product(c->W, c->wide, T, c->wide, z, c->image);
    for (int64_t u = 0; u < c->wide; u++) t[3][u] -= c->image[u];
    for (int64_t u = 0; u < k; u++) {
        double of_weight = c->inverse[u];
        double v4 = -t[4][u] * c->root[4][u] * of_weight, v3 = -t[3][u] * c->root[3][u] * of_weight - c->coupled[u] * v4;
        double v2 = t[2][u] * c->root[2][u] * of_weight - c->slant[u] * v3 + c->reach[0][u] * v4;
        double v1 = t[1][u] * c->root[1][u] * of_weight - c->over[1][u] * v3 + 2.0 * v * c->middle[1][u] * v4;
        double v0 = t[0][u] * c->root[0][u] * of_weight + c->middle[0][u] * v2 - c->over[0][u] * v3;
        t[0][u] = v0, t[3][u] = v3;
        to->mean[u] = v4, to->tilt[u] = v2, to->weight[u] = at->weight[u] * v3;
        to->kappa[u] = v0 - at->tilt[u] * v4, to->eta[u] = v1;
    }
    for (int64_t j = 0; j < c->letters; j++) {
        int side = side_of(c, j);
        const double *mass = at->mass + j * k, *slack = at->slack + j * k, *bend = c->bend + j * k, *logs = c->logs + j * k;
        const double *m = at->mean, *heavy = t[3], *base = side ? to->eta : t[0], *tilt = to->tilt, *mean = to->mean;
        double *restrict mass_to = to->mass + j * k, *restrict slack_to = to->slack + j * k;
        double nat = at->nat[side], price = to->price[j] = z[row_of(c, j)], turn = z[nat_row(c, side)];
        double point = point_of(c, j), pull = side && is->priced ? 2.0 * point * z[T - 1] : 0.0;
        double x = side ? 0.0 : 1.0, y = side ? 2.0 * v * point : 0.0;
        for (int64_t u = 0; u < k; u++) {
            double change = price + mass_to[u] + nat * heavy[u] - logs[u] * turn - base[u] + pull * m[u];
            change += x * (point - m[u]) * tilt[u] + y * mean[u];
            mass_to[u] = at->weight[u] * bend[u] * change;
            slack_to[u] = (slack_to[u] - slack[u] * mass_to[u]) / mass[u] - slack[u];
        }
    }
    for (int64_t i = 0; i < c->nats; i++) {
        to->nat[i] = z[nat_row(c, i)];
        to->left[i] = (ends[i] - at->left[i] * to->nat[i]) / at->nat[i] - at->left[i];
    }
}
