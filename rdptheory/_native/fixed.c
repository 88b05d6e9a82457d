/* P = 0, or any prescribed output law r: Newton on the n + 1 unknowns f and s.

   With r fixed the best v is lse(f, s) itself and the dual  g(f, s) = <p, f> - <r, lse(f, s)> - s  is concave and smooth:
   entropic optimal transport at a target cost. One step costs n^2 m + n^3/3 flops. */
#include "core.h"

#define REACH 20.0    /* longest move of f in one step: exp(20) is as far as a quadratic model is worth anything */
#define FAR 1e-3      /* row error above which a Sinkhorn step follows the Newton step */
#define TINY 1e-200   /* mass of a row below which its logarithm is no longer trusted */
#define HALVINGS 30

typedef struct {
    Core core;
    double *df, *trial;
} Fixed;

static int64_t arrange(Fixed *x, const rdp_problem *is, double *work) {
    Core *c = &x->core;
    int64_t n = is->n, m = is->m, used = 0, wider = n > m ? n : m;
    double *at = work;
    memset(x, 0, sizeof(Fixed));
    c->is = is; c->n = n; c->m = m; c->K = is->tables;
#define PUT(name, count) name = take(&at, (count), &used)
    PUT(c->E, n * m); PUT(c->B, n * m); PUT(c->BT, n * m); PUT(c->scratch, n * m); PUT(c->M, n * n); PUT(c->copy, n * n);
    PUT(c->logp, n); PUT(c->held, n); PUT(c->Br, n); PUT(c->tilt, n); PUT(c->scale, n); PUT(c->off, n);
    PUT(c->top, m); PUT(c->total, m); PUT(c->mean, m); PUT(c->second, m); PUT(c->rows_m, wider); PUT(c->rows_n, wider);
    PUT(c->parts, m); PUT(x->df, n); PUT(x->trial, n);
    return used;
}

int64_t rdp_fixed_work_size(const rdp_problem *problem) {
    Fixed x;
    return arrange(&x, problem, NULL);
}

/* B at (f, s), its means, B r; returns the dual value. */
static double evaluate(Core *c, const double *f, double s) {
    const rdp_problem *is = c->is;
    int64_t n = c->n, m = c->m;
    double value = -s, scale = c->K ? 1.0 / is->limits[0] : 0.0;
    for (int64_t j = 0; j < m; j++) c->top[j] = -INFINITY, c->total[j] = c->mean[j] = c->second[j] = 0.0;
    for (int64_t i = 0; i < n; i++) {
        double *e = c->E + i * m, a = c->logp[i] + f[i];
        for (int64_t j = 0; j < m; j++) e[j] = a;
        if (c->K)
            for (int64_t j = 0; j < m; j++) e[j] -= s * scale * is->d[i * m + j];
        if (is->forbidden)
            for (int64_t j = 0; j < m; j++) e[j] = is->forbidden[i * m + j] > 0.0 ? -INFINITY : e[j];
        for (int64_t j = 0; j < m; j++) c->top[j] = e[j] > c->top[j] ? e[j] : c->top[j];
        value += is->p[i] * f[i];
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < m; j++) c->total[j] += c->E[i * m + j] = exp_negative(c->E[i * m + j] - c->top[j]);
    for (int64_t j = 0; j < m; j++) {
        value -= is->law[j] * (c->top[j] + log(c->total[j]));
        c->rows_m[j] = 1.0 / c->total[j];
    }
    for (int64_t i = 0; i < n; i++) {
        const double *e = c->E + i * m, *d = c->K ? is->d + i * m : NULL;
        double *b = c->B + i * m, *t = c->BT + i * m;
        for (int64_t j = 0; j < m; j++) b[j] = e[j] * c->rows_m[j];
        for (int64_t j = 0; d && j < m; j++) {
            double y = d[j] * scale;
            t[j] = b[j] * y;
            c->mean[j] += t[j];
            c->second[j] += t[j] * y;
        }
    }
    product(c->B, n, m, is->law, c->Br);
    return value;
}

/* diag(B r) - B diag(r) B', scaled by sqrt(B r), with the constants of f pinned. Rows of the unscaled matrix sum to 0. */
static int form(Fixed *x) {
    Core *c = &x->core;
    int64_t n = c->n, m = c->m;
    const double *r = c->is->law;
    /* scaled by sqrt(B r), since rows that hardly exchange mass are known to rounding of B r and no better */
    static const double lifts[5] = {0.0, 1e-14, 1e-12, 1e-10, 1e-8};
    double *held = c->held, *diagonal = c->rows_n;
    sum_groups(c, c->Br, held);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < m; j++) c->scratch[i * m + j] = c->B[i * m + j] * r[j];
    rows_with_rows(c->scratch, n, c->B, n, m, c->M, n, 1);
    memset(diagonal, 0, sizeof(double) * (size_t)n);
    for (int64_t i = 0; i < n; i++) {
        c->scale[i] = 1.0 / sqrt(c->Br[i]);
        for (int64_t j = 0; j < i; j++) {
            diagonal[i] += c->M[i * n + j];
            diagonal[j] += c->M[i * n + j];
            double pin = group_of(c, i) == group_of(c, j) ? c->Br[i] * c->Br[j] / held[group_of(c, i)] : 0.0;
            c->M[i * n + j] = pin - c->M[i * n + j];
        }
    }
    for (int64_t i = 0; i < n; i++) diagonal[i] += c->Br[i] * c->Br[i] / held[group_of(c, i)];
    return factor_lifted(c->M, c->copy, c->scale, diagonal, n, lifts, 5);
}

void rdp_fixed(const rdp_problem *is, double *work) {
    Fixed fixed, *x = &fixed;
    arrange(x, is, work);
    Core *c = &x->core;
    int64_t n = c->n, m = c->m, step = 0;
    double *f = is->state, s = 0.0, ds = 0.0, error = INFINITY, excess = 0.0, last = INFINITY;
    int why = RDP_LIMIT, idle = 0;
    for (int64_t i = 0; i < n; i++) {
        c->logp[i] = log(is->p[i]);
        if (!is->resume) f[i] = 0.0;
    }
    if (c->K) s = is->resume ? is->state[n] : slope_for(c, is->law);
    double value = evaluate(c, f, s);
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
        if (!form(x)) { why = RDP_SINGULAR; break; }
        /* the plain residual p - B r: its logarithmic form is off balance between groups that barely exchange mass */
        for (int64_t i = 0; i < n; i++) x->df[i] = is->p[i] - c->Br[i];
        solve_scaled(c->M, c->scale, n, x->df);
        ds = 0.0;
        if (c->K) {
            double spread = 0.0;
            for (int64_t j = 0; j < m; j++) c->rows_m[j] = is->law[j] * c->mean[j];
            product(c->B, n, m, c->rows_m, c->tilt);
            for (int64_t i = 0; i < n; i++) c->off[i] = c->tilt[i] = dot(c->BT + i * m, is->law, m) - c->tilt[i];
            double along = dot(c->tilt, x->df, n);
            solve_scaled(c->M, c->scale, n, c->off);
            for (int64_t j = 0; j < m; j++) spread += is->law[j] * (c->second[j] - c->mean[j] * c->mean[j]);
            double bend = spread - dot(c->tilt, c->off, n), over = mean > 0.0 ? mean * log(mean) : -1.0;
            ds = bend > 0.0 ? clip((along + over) / bend, -0.7 * s, 2.0 * s) : 0.0;
            for (int64_t i = 0; i < n; i++) x->df[i] += ds * c->off[i];
        }
        double most = 1e-300;
        for (int64_t i = 0; i < n; i++) most = fmax(most, fabs(x->df[i]));
        double length = fmin(1.0, REACH / most), reached = value;
        int moved = 0;
        for (int half = 0; half < HALVINGS && !moved; half++, length *= 0.5) {
            for (int64_t i = 0; i < n; i++) x->trial[i] = f[i] + length * x->df[i];
            reached = evaluate(c, x->trial, s + length * ds);
            double now = 0.0, least = INFINITY;
            for (int64_t i = 0; i < n; i++) {
                now += fabs(is->p[i] - c->Br[i]);
                least = fmin(least, c->Br[i]);
            }
            moved = least > TINY && isfinite(reached) && (reached >= value - 1e-15 * (1.0 + fabs(value)) || now <= 0.5 * error);
            if (moved) {
                memcpy(f, x->trial, sizeof(double) * (size_t)n);
                s += length * ds;
                value = reached;
            }
        }
        if (!moved) value = evaluate(c, f, s);
        if (!moved || error > FAR) { /* far away one Sinkhorn step brings the rows back */
            for (int64_t i = 0; i < n; i++) f[i] += c->logp[i] - log(fmax(c->Br[i], 1e-300));
            value = evaluate(c, f, s);
        }
    }
    is->state[n] = s;
    is->report[0] = (double)step;
    is->report[1] = why;
    is->report[2] = error;
    is->report[3] = excess;
}
