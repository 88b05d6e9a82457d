/* P = 0, or any prescribed output law r: Newton on the n + 1 unknowns f and s.

   With r fixed the best v is lse(f, s) itself and the dual  g(f, s) = <p, f> - <r, lse(f, s)> - s  is concave and smooth:
   entropic optimal transport at a target cost. One step costs n^2 m + n^3/3 flops. */
#include "core.h"

#define REACH 20.0    /* longest move of f in one step: exp(20) is as far as a quadratic model is worth anything */
#define FAR 1e-3      /* row error above which a Sinkhorn step follows the Newton step */
#define TINY 1e-200   /* mass of a row below which its logarithm is no longer trusted */
#define HALVINGS 30

static int64_t arrange(Core *c, const rdp_problem *is, double *work) {
    int64_t n = is->n, m = is->m, used = LINE, wide = whole(n);
    double *at = first_line(work);
    memset(c, 0, sizeof(Core));
    c->is = is; c->n = n; c->m = m; c->K = is->tables; c->stride = stride_of(n);
    take_tables(c, &at, &used);
    double **columns[] = {&c->mean, &c->second, &c->rows_m}, **rows[] = {&c->tilt, &c->spent, &c->chosen, &c->trial, &c->held};
    for (int k = 0; k < 3; k++) *columns[k] = take_lines(&at, m, &used);
    for (int k = 0; k < 5; k++) *rows[k] = take_lines(&at, wide, &used);
    c->scratch = take_lines(&at, m * c->stride, &used);
    return used;
}

int64_t rdp_fixed_work_size(const rdp_problem *problem) {
    Core c;
    return arrange(&c, problem, NULL);
}

/* B at (f, s), its means, B r; returns the dual value. */
static double look(Core *c, const double *f, double s) {
    const rdp_problem *is = c->is;
    int64_t n = c->n, m = c->m, wide = whole(n);
    double value = -s, *Br = c->Br, *spent = c->spent;
    for (int64_t i = 0; i < n; i++) {
        c->height[i] = c->logp[i] + f[i];
        value += is->p[i] * f[i];
    }
    for (int64_t i = 0; i < wide; i++) Br[i] = spent[i] = 0.0;
    Column some[COLUMNS];
    for (int64_t j = 0, next = 0; j < m; j++) {
        if (j == next) next = exponentials(c, &s, j, some);
        Column x = some[j % COLUMNS];
        double *b = c->B + j * c->stride, r = is->law[j];
        const double *T = c->T + j * c->stride;
        double total = x.small + x.count, inverse = 1.0 / total;
        vec mean = {0}, square = {0};
        value -= r * (x.top + log(total));
        for (int64_t i = 0; i < wide; i += WIDTH) {
            vec y = LOAD(b + i) * inverse;
            STORE(b + i) = y;
            STORE(Br + i) = LOAD(Br + i) + r * y;
        }
        for (int64_t i = 0; c->K && i < wide; i += WIDTH) {
            vec y = LOAD(b + i) * LOAD(T + i);
            mean += y;
            square += y * LOAD(T + i);
            STORE(spent + i) = LOAD(spent + i) + r * y;
        }
        c->mean[j] = sum_in(mean);
        c->second[j] = sum_in(square);
    }
    return value;
}

/* diag(B r) - B diag(r) B', scaled by sqrt(B r), with the constants of f pinned. Rows of the unscaled matrix sum to 0. */
static int form(Core *c) {
    int64_t n = c->n, m = c->m, stride = c->stride, wide = whole(n);
    const double *r = c->is->law;
    /* scaled by sqrt(B r), since rows that hardly exchange mass are known to rounding of B r and no better */
    static const double lifts[5] = {0.0, 1e-14, 1e-12, 1e-10, 1e-8};
    double *held = c->held, *diagonal = c->system.diagonal;
    sum_groups(c, c->Br, held);
    for (int64_t j = 0; j < m; j++)
        for (int64_t i = 0; i < wide; i++) c->scratch[j * stride + i] = c->B[j * stride + i] * r[j];
    columns_with_columns(c->scratch, stride, wide, c->B, stride, wide, m, c->system.M, stride, 1);
    memset(diagonal, 0, sizeof(double) * (size_t)n);
    for (int64_t i = 0; i < n; i++) {
        double *row = c->system.M + i * stride;
        c->system.scale[i] = 1.0 / sqrt(c->Br[i]);
        for (int64_t j = i + 1; j < n; j++) {
            diagonal[i] += row[j];
            diagonal[j] += row[j];
            double pin = group_of(c, i) == group_of(c, j) ? c->Br[i] * c->Br[j] / held[group_of(c, i)] : 0.0;
            row[j] = pin - row[j];
        }
    }
    for (int64_t i = 0; i < n; i++) diagonal[i] += c->Br[i] * c->Br[i] / held[group_of(c, i)];
    return factor_lifted(&c->system, lifts, 5);
}

void follow_law(const rdp_problem *is, Core *c, double *work) {
    arrange(c, is, work);
    turn_tables(c);
    int64_t n = c->n, m = c->m, step = 0, wide = whole(n);
    double *f = is->state, *df = c->chosen, *tilt = c->tilt, *off = c->off, s = 0.0, ds = 0.0, error = INFINITY, excess = 0.0, last = INFINITY;
    int why = RDP_LIMIT, idle = 0;
    for (int64_t i = 0; i < n && !is->resume; i++) f[i] = 0.0;
    for (int64_t i = n; i < wide; i++) df[i] = 0.0;
    if (c->K) s = is->resume ? is->state[n] : slope_for(c, is->law);
    double value = look(c, f, s);
    for (;; step++) {
        double mean = c->K ? dot(c->mean, is->law, m) : 0.0;
        error = 0.0;
        for (int64_t i = 0; i < n; i++) error += fabs(is->p[i] - c->Br[i]);
        excess = c->K && s > 1e-12 ? fabs(mean - 1.0) : 0.0;
        double worst = fmax(error, excess);
        if (error <= 0.05 * is->gap && excess <= 0.05 * is->gap) { why = RDP_READY; break; }
        idle = worst >= 0.9 * last && worst < 1e-6 ? idle + 1 : 0;
        if (idle >= 5) { why = RDP_STALLED; break; }
        last = fmin(last, worst);
        if (step >= is->max_steps) break;
        if (stopped(is) || !form(c)) { why = stopped(is) ? RDP_STOPPED : RDP_SINGULAR; break; }
        /* the plain residual p - B r: its logarithmic form is off balance between groups that barely exchange mass */
        for (int64_t i = 0; i < n; i++) df[i] = is->p[i] - c->Br[i];
        solve_scaled(&c->system, df);
        ds = 0.0;
        if (c->K) {
            double spread = 0.0;
            for (int64_t j = 0; j < m; j++) c->rows_m[j] = is->law[j] * c->mean[j];
            transposed_product(c->B, c->stride, m, wide, c->rows_m, tilt);
            for (int64_t i = 0; i < wide; i++) off[i] = tilt[i] = c->spent[i] - tilt[i];
            double along = dot(tilt, df, n);
            solve_scaled(&c->system, off);
            for (int64_t j = 0; j < m; j++) spread += is->law[j] * (c->second[j] - c->mean[j] * c->mean[j]);
            double bend = spread - dot(tilt, off, n), over = mean > 0.0 ? mean * log(mean) : -1.0;
            ds = bend > 0.0 ? clip((along + over) / bend, -0.7 * s, 2.0 * s) : 0.0;
            for (int64_t i = 0; i < n; i++) df[i] += ds * off[i];
        }
        double most = 1e-300;
        for (int64_t i = 0; i < n; i++) most = fmax(most, fabs(df[i]));
        double length = fmin(1.0, REACH / most), reached = value;
        int moved = 0;
        for (int half = 0; half < HALVINGS && !moved; half++, length *= 0.5) {
            for (int64_t i = 0; i < n; i++) c->trial[i] = f[i] + length * df[i];
            reached = look(c, c->trial, s + length * ds);
            double now = 0.0, least = INFINITY;
            for (int64_t i = 0; i < n; i++) {
                now += fabs(is->p[i] - c->Br[i]);
                least = fmin(least, c->Br[i]);
            }
            moved = least > TINY && isfinite(reached) && (reached >= value - 1e-15 * (1.0 + fabs(value)) || now <= 0.5 * error);
            if (moved) {
                memcpy(f, c->trial, sizeof(double) * (size_t)n);
                s += length * ds;
                value = reached;
            }
        }
        if (!moved) value = look(c, f, s);
        if (!moved || error > FAR) { /* far away one Sinkhorn step brings the rows back */
            for (int64_t i = 0; i < n; i++) f[i] += c->logp[i] - log(fmax(c->Br[i], 1e-300));
            value = look(c, f, s);
        }
    }
    is->state[n] = s;
    is->report[0] = (double)step;
    is->report[1] = why;
    is->report[2] = error;
    is->report[3] = excess;
}
