/* The restricted program of pairs on a line by a primal-dual interior point on the laws themselves.

   Atom u has weight w_u, mean m_u, masses A_u = w_u a_u and B_u = w_u b_u. With C = (A, B) and s for what complements it,

     alpha log(A/(w p)) - mu + kappa - theta (x - m) = s_A,   beta log(B/(w q)) - nu + eta - 2 v m y = s_B,   C s = tau,
     sum A = w = sum B for each atom,  (x - m).A = 0,  kappa + eta = -(1-v) m^2,  sum_u C = (p, q),  the rates are kept,

   and the means that follow their valleys add  theta = 2 v k + 2 (1-v) m,  k = y.b. The laws are unknowns of their own
   and no softmax of the prices: as alpha and beta go to 0 they become letters, the program a linear one, and Newton's
   method does not mind. What belongs to one atom is eliminated in closed form: kappa, eta, theta, log w and m in turn.
   Spreads are summed about their own means, so that no digits cancel. What is left are the prices, in the order mu,
   alpha, nu, beta, v.

   Tables have a row for each letter, of X and then of Y, with the atoms side by side: there may be two letters only. */
#include "numbers.h"
#include "rdp.h"

#define NEAR 0.97 /* shares of the way to the boundary: a step of nearly full length goes further than one cut short */
#define FAR 0.9
#define SHORT 0.3 /* after a step shorter than this the goal is held at so much of the gap: the point is not on the path */
#define HELD 0.5
#define CRAWL 0.02 /* so many steps in a row that are shorter than this end the steps, where atoms move: without that it */
#define CRAWLS 8   /* gets better */
#define PLAIN 0.1 /* a step with its second-order correction that is shorter than this is compared with one without */
#define LEAST_SHARE 1e-3 /* the least that a step may leave of the gap, and of the gap at the end */
#define LAST_SHARE 0.1
#define STILL 3 /* so many full steps at the last goal are enough: what is missed then is rounding */
#define BENT 1e-7 /* share of its own curvature by which a valley must be one for its atom to follow it */
#define STRIDE 0.3 /* of the deviation of its law, what an atom may move in a step by the slope of its valley */
#define RELATIVE 1e-13 /* of the spread about its mean, added to that about the middle of a law: one letter has none */
#define COUPLED 0.5 /* share of the product of their bends that weight and mean of an atom may be coupled by, squared */

/* A state, or a change of one: (k) each, but (n+m, k) for masses and slacks, (n+m) for the prices of masses, (2) or (3) for
   alpha, beta and v, and what complements them. */
typedef struct {
    double *all, *mean, *tilt, *weight, *kappa, *eta, *mass, *slack, *price, *nat, *left;
} Parts;

/* Index 0 is the side of X, 1 that of Y. Everything of an atom is in units of its weight. */
typedef struct {
    const rdp_line *is;
    int64_t n, letters, k, nats, size, prices, wide; /* size: of a state; prices: of all; wide: of a row of W */
    int moving;                                      /* whether some atom does */
    double v, gap, missed, missed_left[3];
    Parts at, affine, step, plain;
    double *zeros, *lean[2], *inverse;    /* (k): 0; theta and 2 v m; 1/w */
    double *laws, *logs, *bent, *bend;    /* (n+m, k): a or b, log(a/p), what s should be, what a mass gives way */
    double *sum[2], *turned[2], *mean[2]; /* (k): sums of a, of a log(a/p), of a (x - m) and b y */
    double *pulled, *raised, *missed_law; /* (k), (k), (n+m): what the conditions of m and w miss, and the laws */
    double *rest[2], *bends[2], *middle[2], *spread[2]; /* (k): what answers to no nat; moments of bend */
    double *over[2], *slant, *reach[2], *coupled, *root[5], *variance, *free; /* (k): the eliminated systems */
    double *X, *Y, *W; /* (n+1, 2k), (m+1 or 2, k), (prices, wide): the prices in them, by roots of the pivots */
    Matrix system; /* of the prices */
    double *copy, *z, *out;
    double *t[5], *image;                          /* (k): a right-hand side of the systems; (2k) */
} Line;

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
                       &c->t[3], &c->t[4]};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) *rows[i] = take(&work, k, &used);
    c->lean[0] = c->at.tilt;
    c->missed_law = take(&work, letters, &used);
    c->X = take(&work, 2 * k * (n + 1), &used);
    c->Y = take(&work, k * (c->prices - n - 1), &used);
    c->W = take(&work, c->wide * c->prices, &used);
    c->copy = take(&work, c->prices * c->prices, &used);
    c->system = take_matrix(&work, c->prices, &used);
    double **columns[2] = {&c->z, &c->out};
    for (int i = 0; i < 2; i++) *columns[i] = take_lines(&work, c->prices, &used);
    c->image = take(&work, 2 * k, &used);
    return used;
}

static inline int side_of(const Line *c, int64_t j) { return j >= c->n; }
static inline double point_of(const Line *c, int64_t j) { return j < c->n ? c->is->x[j] : c->is->y[j - c->n]; }
/* What is taken off a point: x - m, y. */
static inline const double *origin_of(const Line *c, int64_t j) { return j < c->n ? c->at.mean : c->zeros; }
/* The rows of the price of a letter, and of alpha, beta and v. */
static inline int64_t row_of(const Line *c, int64_t j) { return j < c->n ? j : j + 1; }
static inline int64_t nat_row(const Line *c, int64_t i) { return i == 0 ? c->n : c->letters + i; }

static void clear(double *row, int64_t count) { memset(row, 0, sizeof(double) * (size_t)count); }

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

/* The systems of atoms in kappa + theta m, eta, theta, log w and m, symmetric with signs + + + - -. With the moments sum_0,
   middle, spread of `bend` on either side, and sums a. of laws, what is left of row after row is

       theta: spread;  theta, log w: middle;  theta, m: -a.;  log w: -rest.(alpha, beta) - over^2/sum_0 - middle^2/spread,
       log w, m: 2 v middle_Y + 2 (1-v) m - theta + middle a./spread;  m: 4 v^2 spread_Y + 2 (1-v) - a.^2/spread. */
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
        c->over[0][u] = a / c->bends[0][u], c->over[1][u] = b / c->bends[1][u];
        c->slant[u] = middle / spread;
        c->root[0][u] = sqrt(w / c->bends[0][u]), c->root[1][u] = sqrt(w / c->bends[1][u]);
        c->root[2][u] = sqrt(w / spread), c->root[3][u] = sqrt(w / -heavy);
        c->free[u] = c->reach[0][u] = c->reach[1][u] = c->coupled[u] = c->root[4][u] = 0.0;
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
        c->coupled[u] = clip(across, -most, most) / heavy;
        c->reach[0][u] = whole / spread, c->reach[1][u] = 2.0 * v;
        c->root[4][u] = sqrt(w / (heavy * c->coupled[u] * c->coupled[u] - bent));
    }
}

/* The Newton system of the prices, factored; 0 if that fails. */
static int factor(Line *c) {
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
    return factor_lifted(&c->system, lifts, 6);
}

/* The step to products `goal` of all masses and slacks, and of prices of nats and what is left, less those of `second`. */
static void direction(Line *c, double goal, const Parts *second, const Parts *to) {
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
    for (int64_t i = T; i < whole(T); i++) z[i] = 0.0;
    solve_scaled(&c->system, z);
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
        if ((c->gap <= is->end && c->missed <= is->end) || !factor(c)) break;
        direction(c, 0.0, NULL, &c->affine);
        double share = gap_after(c, &c->affine, smaller(1.0, longest(c, &c->affine))) / c->gap;
        share = larger(share * share * share, last >= SHORT ? LEAST_SHARE : HELD);
        double goal = larger(share * c->gap, LAST_SHARE * is->end) / pairings;
        const Parts *step = &c->step;
        direction(c, goal, &c->affine, &c->step);
        double length = cut(longest(c, &c->step));
        if (length < PLAIN) {
            direction(c, goal, NULL, &c->plain);
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
