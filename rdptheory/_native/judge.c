/* The judge of the common question, a bracket from any dual point and any array: the steps of rdptheory/certificates
   (lower.py, upper.py, repair.py, inside.py), whose reasons stand there and in docs/method.md, with the same allowances.
   What takes a search beyond them is left to that general judge. */
#include "judge.h"

#define RESOLVED (64.0 * UNIT)    /* share of a mass of the output law, by which its sum in float64 may be off */
#define LITTLE 5e-10              /* nats: a surcharge that is not worth the search for an exact channel */
#define CHEAP 1e-13               /* nats: less than a mixture would cost, so none is tried */
#define ENOUGH 1e-14              /* nats: a surcharge that no other argument needs to lower */
#define NEARLY 1e-13              /* of a limit: a tenth of what a channel may be off when its limits are recomputed */
#define NEGLIGIBLE (UNIT / 1024)  /* mass that a column may gain in place, below the rounding of any row it is in */
#define ROUNDING (16.0 * UNIT)    /* share of a mass: a sum that misses it by less has it up to rounding */
#define MIXING_ROUNDS 60          /* doublings of the smallest share beyond the one in closed form */
#define EVALUATIONS (4.0 * UNIT)  /* relative errors of masses, between one way to sum delta and another */
#define MOST 1e-3                 /* share of delta: more than that is no rounding, and is left alone */
#define ALLOWED 3e-13             /* of max(1, D): a part of what is promised of E d */

typedef struct { /* a channel and what is read off it; over and outside: what it may be beyond its limits, exactly */
    double *rows, *law, spent, over, outside;
    int same;
} Found;

typedef struct {
    const rdp_outcome *at;
    const rdp_tables *is;
    const rdp_ball *ball;
    int64_t n, m;
    double D, P, relative; /* relative: of a mean over the table, and of a mass of the output law */
    double *inner, *share, *columns, *fraction; /* scratch: (m) each, fraction (n) */
} Judge;

static double larger(double x, double y) { return x > y ? x : y; }

/* <p, f> - s D - sigma_P(l), l_j = log sum_i p_i exp(f_i - s d_ij) with its rounding; 0 if this takes a search. */
static int lower_end(const Judge *c, double *work, double *lower) {
    int64_t n = c->n, m = c->m;
    double *sums = work, *room = sums + 2 * m + 2, s = c->at->s, supported;
    rdp_column_sums(c->is, c->at->f, &s, room, sums);
    double mean = sums[2 * m], size = sums[2 * m + 1], spent = s * c->D;
    *lower = 0.0;
    if (!(isfinite(size) && s >= 0.0 && s < INFINITY)) return 1;
    for (int64_t j = 0; j < m; j++) {
        sums[j] += sums[m + j]; /* sigma does not decrease */
        if (!isfinite(sums[j])) return 0;
    }
    if (!support(c->ball, c->P, sums, m, c->at->mu, room, &supported)) return 0;
    double value = mean - spent - supported, rounding = ((double)n + 16.0) * size + 9.0 * spent;
    value -= UNIT * (rounding + 4.0 * fabs(supported));
    if (value > 0.0) *lower = value;
    return 1;
}

/* Whether every symbol is sent to one output of its own, so that the output law is exact. */
static int copies(const Judge *c, const double *rows) {
    double *seen = c->share;
    memset(seen, 0, sizeof(double) * (size_t)c->m);
    for (int64_t i = 0; i < c->n; i++)
        for (int64_t j = 0; j < c->m; j++) {
            double w = rows[i * c->m + j];
            if (w != 0.0 && w != 1.0) return 0;
            if ((seen[j] += w) > 1.0) return 0;
        }
    return 1;
}

/* delta of a law as a caller evaluates it, of its masses divided by their sum. */
static double evaluated(const Judge *c, const double *law) {
    double sum = row_sum(law, c->m);
    for (int64_t j = 0; j < c->m; j++) c->inner[j] = law[j] / sum;
    return distance(c->ball, c->inner);
}

/* By how much delta may be above P in exact arithmetic, below 0 inside. */
static double outside(const Judge *c, const Found *w) {
    const double *law = w->law;
    double relative = c->relative;
    if (w->same) {
        law = w->rows; /* whatever the source law is */
        if (!memcmp(law, c->ball->q, sizeof(double) * (size_t)c->m)) return -c->P;
    } else if (copies(c, w->rows)) relative = 0.0;
    return evaluated(c, law) + distance_uncertainty(c->ball, law, relative) - c->P;
}

/* Read off a channel all but its rate. */
static void weigh(const Judge *c, Found *w) {
    table_means(c->is, w->rows, w->law, &w->spent);
    w->same = 1;
    for (int64_t i = c->n - 1; i > 0 && w->same; i--) w->same = !memcmp(w->rows, w->rows + i * c->m, sizeof(double) * (size_t)c->m);
    w->over = w->spent * (1.0 + c->relative) - c->D;
    w->outside = c->ball ? outside(c, w) : -1.0;
}

/* delta - P less its rounding: at most 0 where the ball is kept. */
static double excess(const Judge *c, const double *law) {
    return c->ball ? evaluated(c, law) - c->P - distance_uncertainty(c->ball, law, RESOLVED) : -1.0;
}

static int within(const Judge *c, const Found *w, double share) {
    return w->spent - c->D <= share * c->D && excess(c, w->law) <= 0.0;
}

static int nearly(const Judge *c, const Found *w) {
    return w->spent - c->D <= NEARLY * larger(1.0, c->D) && excess(c, w->law) <= NEARLY;
}

/* I(X;Y) from above: n m terms are summed, and equal rows carry none. */
static double allowed(const Judge *c, const Found *w, double information) {
    return w->same ? 0.0 : information + 2.0 * UNIT * (double)(c->n + c->m + 16) * (information + 1.0);
}

/* The weight of a channel with this much room that brings what is over a limit back to it. */
static double weight(double over, double room) { return over > 0.0 ? over / (over + room) : 0.0; }

/* What a random map of Y that turns its law into the reference adds to E d, bounded from above. */
static double moved(const Judge *c, const Found *w) {
    double total = 0.0, sum = 0.0;
    for (int64_t j = 0; j < c->m; j++) {
        double law = w->law[j], q = c->ball->q[j], leaving = (law > q ? law - q : 0.0) + 2.0 * c->relative * law;
        total += leaving;
        c->inner[j] = leaving + q - law + c->relative * (law + q); /* what arrives */
        c->share[j] = law > 0.0 ? leaving / law : 0.0;
    }
    if (!(total > 0.0)) return 0.0;
    for (int64_t i = 0; i < c->n; i++) {
        const double *row = w->rows + i * c->m, *d = c->is->d[0] + i * c->m;
        double a = 0.0, b = 0.0;
        for (int64_t j = 0; j < c->m; j++) {
            a += row[j] * c->share[j];
            b += d[j] * c->inner[j];
        }
        sum += c->is->p[i] * a * b;
    }
    return sum / total;
}

/* How much more than the rate of this channel that of one which keeps the exact limits can be, in nats. */
static double surcharge(const Judge *c, const Found *w, double rate) {
    double over = larger(w->over, 0.0), far = c->ball ? larger(w->outside, 0.0) : 0.0, entropy = 0.0;
    if (over <= 0.0 && far <= 0.0) return 0.0;
    for (int64_t i = 0; i < c->n; i++) entropy -= c->is->p[i] * log(c->is->p[i]);
    double dear = larger(entropy * (1.0 + c->relative) + c->relative - rate, 0.0); /* what a copy of X costs more */
    double mixed = larger(weight(over, c->D), weight(far, c->P)) * dear;
    if (mixed <= ENOUGH || far <= 0.0) return mixed;
    double share = far / larger(c->P + far, far);
    over += (share < 1.0 ? share : 1.0) * moved(c, w);
    double cost = weight(over, c->D) * dear;
    return cost < mixed ? cost : mixed;
}

/* The channel with exactly the reference for its output law, to the rounding of each mass [AWR17]. */
static void with_output(const Judge *c, double *rows, const double *law) {
    int64_t n = c->n, m = c->m;
    const double *p = c->is->p, *q = c->ball->q;
    double *columns = c->columns, missing = 0.0, lacking = 0.0;
    for (int64_t j = 0; j < m; j++) c->share[j] = law[j] > 0.0 && q[j] - law[j] < NEGLIGIBLE ? q[j] / law[j] : 1.0;
    memset(columns, 0, sizeof(double) * (size_t)m);
    for (int64_t i = 0; i < n; i++) { /* a joint law, whose rows and then columns are scaled down where they are heavy */
        double *row = rows + i * m, sum;
        for (int64_t j = 0; j < m; j++) row[j] *= p[i] * c->share[j];
        sum = row_sum(row, m);
        for (int64_t j = 0; j < m; j++) {
            row[j] *= sum > p[i] ? p[i] / sum : 1.0;
            columns[j] += row[j];
        }
    }
    for (int64_t j = 0; j < m; j++) {
        c->share[j] = columns[j] > q[j] ? q[j] / columns[j] : 1.0;
        columns[j] = 0.0;
    }
    for (int64_t i = 0; i < n; i++) {
        double *row = rows + i * m, sum = 0.0;
        for (int64_t j = 0; j < m; j++) {
            sum += row[j] *= c->share[j];
            columns[j] += row[j];
        }
        c->fraction[i] = p[i] - sum > ROUNDING * p[i] ? p[i] - sum : 0.0; /* less is rounding of the sums themselves */
        lacking += c->fraction[i];
    }
    for (int64_t j = 0; j < m; j++) {
        columns[j] = q[j] - columns[j] > ROUNDING * q[j] ? q[j] - columns[j] : 0.0;
        missing += columns[j];
    }
    double beyond = larger(missing - lacking, 0.0); /* columns that only rounding of the rows has room for */
    lacking = 0.0;
    for (int64_t i = 0; i < n; i++) lacking += c->fraction[i] += beyond * p[i];
    for (int64_t i = 0; i < n; i++) {
        double *row = rows + i * m, highest = 0.0;
        for (int64_t j = 0; j < m; j++) {
            if (missing > 0.0) row[j] += c->fraction[i] * (columns[j] / lacking);
            row[j] /= p[i];
            highest = larger(highest, row[j]);
        }
        if (highest <= 0.0) memcpy(row, q, sizeof(double) * (size_t)m); /* a symbol that weighs no more than rounding */
        row_over(row, m, row_sum(row, m));
    }
}

/* b becomes the smallest mixture of a with the copy that keeps every limit, up to a few units of roundoff. */
static void mix(const Judge *c, const Found *a, Found *b) {
    int64_t n = c->n, m = c->m;
    double here = a->spent - c->D, share = 0.0, extra = UNIT;
    if (here > 0.0) share = isfinite(here) ? here / (here + c->D) : 1.0;
    if (c->ball && (here = excess(c, a->law)) > 0.0) {
        double *copied = b->law, there; /* the law of the copy */
        memset(copied, 0, sizeof(double) * (size_t)m);
        for (int64_t i = 0; i < n; i++) copied[c->at->copy[i]] += c->is->p[i];
        there = excess(c, copied);
        share = larger(share, isfinite(here) && here > there ? here / (here - there) : 1.0);
    }
    for (int round = 0; round <= MIXING_ROUNDS; round++, extra *= 2.0) {
        double t = round < MIXING_ROUNDS && share + extra < 1.0 ? share + extra : 1.0;
        for (int64_t i = 0; i < n; i++) {
            const double *from = a->rows + i * m;
            double *row = b->rows + i * m;
            int64_t to = c->at->copy[i];
            for (int64_t j = 0; j < m; j++) row[j] = t < 1.0 ? from[j] - from[j] * t : 0.0;
            row[to] = t < 1.0 ? (1.0 - from[to]) * t + from[to] : 1.0;
        }
        weigh(c, b);
        if (t == 1.0 || within(c, b, 0.0)) return;
    }
}

/* The channel with delta <= P however it is summed, where a rounding of it can bring that about: with a small weight Y
   is mapped so that its law becomes the reference, which processes Y alone. b is scratch. */
static void draw_inside(const Judge *c, Found *a, Found *b) {
    int64_t n = c->n, m = c->m;
    const double *q = c->ball->q;
    double value = distance(c->ball, a->law), by, lacking = 0.0, most = larger(a->spent, c->D) + ALLOWED * larger(1.0, c->D);
    by = (value + distance_uncertainty(c->ball, a->law, EVALUATIONS) - c->P) / value;
    if (!(0.0 < by && by <= MOST && value < INFINITY)) return;
    for (int64_t j = 0; j < m; j++) {
        c->share[j] = a->law[j] > q[j] ? (a->law[j] - q[j]) / a->law[j] : 0.0; /* what leaves a symbol */
        c->inner[j] = q[j] > a->law[j] ? q[j] - a->law[j] : 0.0;
        lacking += c->inner[j];
    }
    for (int64_t j = 0; j < m; j++) c->inner[j] /= larger(lacking, 1e-300);
    for (int64_t i = 0; i < n; i++) {
        const double *from = a->rows + i * m;
        double *row = b->rows + i * m, leaves = 0.0;
        for (int64_t j = 0; j < m; j++) leaves += from[j] * c->share[j];
        for (int64_t j = 0; j < m; j++) row[j] = from[j] + by * (leaves * c->inner[j] - from[j] * c->share[j]);
    }
    weigh(c, b);
    if (b->spent > most) return;
    memcpy(a->rows, b->rows, sizeof(double) * (size_t)(n * m));
    memcpy(a->law, b->law, sizeof(double) * (size_t)m);
}

/* A rate and in a->rows the channel that reaches it, whether there is one and whether it is worth a look for another. */
static int64_t upper_end(const Judge *c, Found *a, Found *b, double *rate) {
    if (!rdp_rows(c->is, c->at->channel, a->rows)) return 0;
    if (c->ball && c->P == 0.0) {
        double spent;
        table_means(c->is, a->rows, a->law, &spent);
        with_output(c, a->rows, a->law);
    }
    weigh(c, a);
    double information = table_information(c->is, a->rows, a->law), paid = 0.0;
    *rate = INFINITY;
    if (a->over <= 0.0 && a->outside <= 0.0) { /* inside by more than rounding */
        *rate = allowed(c, a, information);
        return RDP_UPPER;
    }
    int inside = within(c, a, 0.0);
    if (inside || within(c, a, RESOLVED) || nearly(c, a)) {
        *rate = allowed(c, a, information);
        paid = surcharge(c, a, *rate);
        *rate += paid;
    }
    if (!(inside || (paid <= CHEAP && within(c, a, RESOLVED)))) { /* what is left outside may be cheaper to mix away */
        mix(c, a, b);
        double other = allowed(c, b, table_information(c->is, b->rows, b->law));
        other += surcharge(c, b, other);
        if (other <= *rate) {
            memcpy(a->rows, b->rows, sizeof(double) * (size_t)(c->n * c->m));
            memcpy(a->law, b->law, sizeof(double) * (size_t)c->m);
            a->spent = b->spent;
            a->outside = b->outside;
            *rate = other;
        }
        paid = INFINITY;
    }
    if (a->outside > 0.0 && c->P > 0.0) draw_inside(c, a, b);
    return paid > CHEAP && !(*rate <= information + LITTLE) ? RDP_UPPER | RDP_DEAR : RDP_UPPER;
}

int64_t rdp_judge_work(int64_t n, int64_t m) { return n * m + 4 * m + n + 2; } /* the lower end takes (n + 3) m + 2 */

static int64_t judge(rdp_outcome *at, double *work) {
    int64_t n = at->is->n, m = at->is->m;
    double *found = at->found, *rest = work + n * m;
    Judge c = {at, at->is, at->ball, n, m, at->D, at->P, UNIT * (double)(n + m + 16), rest, rest + m, rest + 2 * m,
               rest + 4 * m};
    Found a = {at->rows, found + 3, 0.0, 0.0, 0.0, 0}, b = {work, rest + 3 * m, 0.0, 0.0, 0.0, 0};
    int64_t said = (lower_end(&c, work, found) ? RDP_LOWER : 0) | upper_end(&c, &a, &b, found + 1);
    found[2] = -a.outside;
    return said;
}

void rdp_judge(int64_t count, rdp_outcome *outcomes, double *work) {
    for (int64_t k = 0; k < count; k++) outcomes[k].judged = judge(outcomes + k, work);
}
