/* The balls: f-divergences, total variation, optimal transport, a prescribed law.

   An f-divergence has v = mu phi'(rho/q), so v is no variable. Total variation keeps v in the box |v| <= mu/2, with
   multipliers alpha, beta of the sides u = mu/2 - v, l = mu/2 + v. Optimal transport has v_j <= psi_i + mu c_ij, whose
   multipliers are the plan gamma. A prescribed law leaves v free and has no mu. */
#include "core.h"

#define STIFF 1e150 /* S of a symbol without reference mass, which answers to nothing: large, with a square in range */
#define SERIES 0.03 /* |t - 1| below which phi is summed by its series: ten terms reach 1e-17 of the first */

static double kl(double t) { /* t log t - t + 1 without cancellation near 1 */
    double u = t - 1.0;
    if (fabs(u) > SERIES) return t > 0.0 ? t * log(t) - t + 1.0 : 1.0;
    double term = 0.5 * u * u, sum = term;
    for (int k = 2; k < 12; k++) sum += term *= (1.0 - k) * u / (k + 1.0);
    return sum;
}

static void power(const rdp_ball *is, double t, double *phi, double *slope, double *curve) {
    double a = is->order, c = is->factor, u = t - 1.0;
    if (a == 1.0) { double y = log(t); *slope = c * y; *curve = c / t; *phi = c * (t * y - u); }
    else if (a == 0.0) { *slope = c * u / t; *curve = c / (t * t); *phi = c * (u - log(t)); }
    else if (a == 2.0) { *slope = c * u; *curve = c; *phi = 0.5 * c * u * u; }
    else {
        double root = a == 0.5 ? sqrt(t) : pow(t, a);
        *slope = c * (root / t - 1.0) / (a - 1.0);
        *curve = c * root / (t * t);
        *phi = c * (root - a * t + a - 1.0) / (a * (a - 1.0));
    }
    if (a != 2.0 && fabs(u) <= SERIES) {
        double term = 0.5 * u * u, sum = term;
        for (int k = 2; k < 12; k++) sum += term *= (a - k) * u / (k + 1.0);
        *phi = c * sum;
    }
}

static void smooth(Ball *ball) {
    const rdp_ball *is = ball->is;
    double value = 0.0;
    for (int64_t j = 0; j < ball->size; j++) ball->ratio[j] = is->q[j] > 0.0 ? ball->law[j] / is->q[j] : 1.0;
    if (is->kind == RDP_CALLED) is->phi(ball->size, ball->ratio, ball->g, ball->slope, ball->curve);
    for (int64_t j = 0; j < ball->size; j++) {
        double t = ball->ratio[j], q = is->q[j], phi;
        if (q <= 0.0) {
            ball->slope[j] = is->recession;
            ball->curve[j] = 0.0;
            value += is->recession * ball->law[j];
            continue;
        }
        if (is->kind == RDP_POWER) power(is, t, &phi, ball->slope + j, ball->curve + j);
        else if (is->kind == RDP_JENSEN_SHANNON) {
            double middle = 0.5 * (1.0 + t);
            phi = middle * (kl(1.0 / middle) + kl(t / middle));
            ball->slope[j] = log(t / middle);
            ball->curve[j] = 0.5 / (t * middle);
        } else phi = ball->g[j];
        value += q * phi;
    }
    ball->value = value;
}

void ball_evaluate(Core *c, Ball *ball) {
    const rdp_ball *is = ball->is;
    if (is->image) product(is->image, c->m, ball->size, c->m, c->left, ball->law);
    else memcpy(ball->law, c->left, sizeof(double) * (size_t)c->m);
    double value = 0.0;
    switch (is->kind) {
    case RDP_BOX:
        for (int64_t j = 0; j < ball->size; j++) value += 0.5 * fabs(ball->law[j] - is->q[j]);
        ball->value = value;
        break;
    case RDP_TRANSPORT: ball->value = dot(ball->left, is->cost, ball->pairs); break;
    case RDP_FIXED:
        for (int64_t j = 0; j < ball->size; j++) value += fabs(ball->law[j] - is->q[j]);
        ball->value = value;
        break;
    default:
        smooth(ball);
        for (int64_t j = 0; j < ball->size; j++) ball->v[j] = c->left[ball->mu] * ball->slope[j];
    }
    if (is->image) transposed_product(is->image, c->m, ball->size, c->m, ball->v, ball->image_v);
}

double ball_slack(const Ball *ball) { return (ball->is->kind == RDP_FIXED ? 0.0 : ball->is->P) - ball->value; }

double ball_row(const Ball *ball) {
    return ball->is->kind == RDP_BOX ? 0.5 * total_of(ball->left, ball->pairs) - ball->is->P : -ball_slack(ball);
}

static void transport_relation(Core *c, Ball *ball) {
    const rdp_ball *is = ball->is;
    int64_t rows = is->rows, k = ball->size, stride = ball->stride, wide = whole(k);
    double *weighted = c->scratch; /* theta over its row sums */
    memset(ball->b, 0, sizeof(double) * (size_t)k);
    ball->kappa = 0.0;
    for (int64_t i = 0; i < rows; i++) {
        double *theta = ball->theta + i * stride, sum = 0.0, spent = 0.0, square = 0.0;
        const double *cost = is->cost + i * k, *left = ball->left + i * k, *per_right = ball->per_right + i * k;
        for (int64_t j = 0; j < k; j++) {
            double t = left[j] * per_right[j], price = t * cost[j];
            theta[j] = t;
            sum += t;
            spent += price;
            square += price * cost[j];
            ball->b[j] += price;
        }
        double lean = spent / sum, inverse = 1.0 / sum;
        ball->row_sum[i] = sum;
        ball->lean[i] = lean;
        ball->kappa += square - lean * spent;
        for (int64_t j = 0; j < k; j++) ball->b[j] -= lean * theta[j];
        for (int64_t j = k; j < wide; j++) theta[j] = 0.0;
        for (int64_t j = 0; j < wide; j++) weighted[i * stride + j] = theta[j] * inverse;
    }
    columns_with_columns(weighted, stride, wide, ball->theta, stride, wide, rows, ball->S, stride, 1);
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = i + 1; j < k; j++) ball->S[i * stride + j] = ball->S[j * stride + i] = -ball->S[i * stride + j];
    for (int64_t i = 0; i < k; i++) { /* rows sum to 0 */
        ball->S[i * stride + i] = 0.0;
        ball->S[i * stride + i] = -total_of(ball->S + i * stride, k);
    }
    for (int64_t i = 0; i < wide; i++)
        for (int64_t j = i < k ? k : 0; j < wide; j++) ball->S[i * stride + j] = 0.0;
}

void ball_relation(Core *c, Ball *ball) {
    const rdp_ball *is = ball->is;
    ball->kappa = 0.0;
    if (is->kind == RDP_TRANSPORT) {
        transport_relation(c, ball);
        return;
    }
    for (int64_t j = 0; j < ball->size; j++) {
        if (is->kind == RDP_BOX) {
            int64_t k = ball->size + j;
            double upper = ball->left[j] * ball->per_right[j], lower = ball->left[k] * ball->per_right[k];
            double S = upper + lower, b = 0.5 * (upper - lower), G = 1.0 / S;
            ball->S[j] = S;
            ball->b[j] = b;
            ball->G[j] = G;
            ball->y[j] = b * G;
            ball->kappa += c->diagonal ? upper * lower * G : 0.25 * S;
        } else if (is->kind == RDP_FIXED) {
            ball->S[j] = ball->b[j] = 0.0;
        } else {
            double G = is->q[j] > 0.0 ? c->left[ball->mu] * ball->curve[j] / is->q[j] : 0.0;
            ball->G[j] = G;
            ball->y[j] = ball->slope[j];
            ball->S[j] = G > 1.0 / STIFF ? 1.0 / G : STIFF;
            ball->b[j] = G > 0.0 ? ball->slope[j] / G : 0.0;
            if (!c->diagonal) ball->kappa += ball->b[j] * (G > 0.0 ? ball->slope[j] : 0.0);
        }
    }
}

void ball_constants(Core *c, Ball *ball, const double *targets, int residual) {
    const rdp_ball *is = ball->is;
    int64_t k = ball->size;
    ball->c = 0.0;
    memset(ball->e, 0, sizeof(double) * (size_t)k);
    if (is->kind == RDP_BOX) {
        const double *t = targets, *left = ball->left, *right = ball->right, *per_right = ball->per_right, *v = ball->v;
        double half = 0.5 * c->left[ball->mu], *restrict e = ball->e, *restrict g = ball->g;
        for (int64_t j = 0; j < k; j++) {
            double up = t[j] * per_right[j], low = t[k + j] * per_right[k + j];
            if (residual) {
                up += left[j] * per_right[j] * (v[j] + right[j] - half);
                low += left[k + j] * per_right[k + j] * (right[k + j] - v[j] - half);
            }
            e[j] = up - low;
            g[j] = 0.5 * (up + low);
            if (residual) e[j] += is->q[j] - ball->law[j] + left[j] - left[k + j];
        }
        ball->c = total_of(g, k);
        if (c->diagonal) {
            ball->c -= dot(ball->y, e, k);
            for (int64_t j = 0; j < k; j++) g[j] = -e[j] * ball->G[j];
        }
    } else if (is->kind == RDP_TRANSPORT) {
        double sum = 0.0;
        if (residual) memcpy(ball->e, ball->law, sizeof(double) * (size_t)k);
        for (int64_t j = 0; j < k; j++) ball->e[j] = -ball->e[j];
        for (int64_t i = 0; i < is->rows; i++) {
            const double *left = ball->left + i * k, *per_right = ball->per_right + i * k, *cost = is->cost + i * k, *t = targets + i * k;
            double pushed = 0.0, spent = 0.0, held = 0.0;
            for (int64_t j = 0; j < k; j++) {
                double x = t[j] * per_right[j];
                pushed += x;
                spent += x * cost[j];
                held += left[j];
                ball->e[j] += residual ? x + left[j] : x;
            }
            double shift = (pushed - (residual ? is->q[i] - held : 0.0)) / ball->row_sum[i];
            ball->shift[i] = shift * ball->row_sum[i];
            sum += spent - ball->lean[i] * shift * ball->row_sum[i];
            const double *theta = ball->theta + i * ball->stride;
            for (int64_t j = 0; j < k; j++) ball->e[j] -= shift * theta[j];
        }
        ball->c = sum;
    } else if (is->kind == RDP_FIXED) {
        if (residual)
            for (int64_t j = 0; j < k; j++) ball->e[j] = is->q[j] - ball->law[j];
    } else
        memset(ball->g, 0, sizeof(double) * (size_t)k);
}

void ball_move(Core *c, Ball *ball, const double *targets, int residual, const double *dv, double dmu,
               double *left, double *right, double *free) {
    const rdp_ball *is = ball->is;
    int64_t k = ball->size;
    double mu = ball->mu < 0 ? 0.0 : c->left[ball->mu];
    if (is->kind == RDP_BOX) {
        const double *t = targets, *v = ball->v, *per_right = ball->per_right;
        double *restrict l = left, *restrict r = right;
        for (int64_t j = 0; j < k; j++) {
            double up = 0.5 * dmu - dv[j], low = 0.5 * dmu + dv[j];
            if (residual) {
                up -= v[j] + ball->right[j] - 0.5 * mu;
                low -= ball->right[k + j] - v[j] - 0.5 * mu;
            }
            r[j] = up;
            r[k + j] = low;
            l[j] = (t[j] - ball->left[j] * up) * per_right[j];
            l[k + j] = (t[k + j] - ball->left[k + j] * low) * per_right[k + j];
        }
        memcpy(free, dv, sizeof(double) * (size_t)k);
    } else if (is->kind == RDP_TRANSPORT) {
        double noise = 0.0, most = 0.0, steep = 0.0;
        for (int64_t j = 0; j < k; j++) noise = larger(fabs(ball->v[j]), noise);
        for (int64_t i = 0; i < is->rows; i++) most = larger(fabs(ball->phi[i]), most);
        for (int64_t i = 0; i < ball->pairs; i++) steep = larger(is->cost[i], steep);
        noise = 4.0 * 2.220446049250313e-16 * (noise + most + mu * steep); /* what rounding leaves of w */
        memcpy(free, dv, sizeof(double) * (size_t)k);
        for (int64_t i = 0; i < is->rows; i++) {
            const double *theta = ball->theta + i * ball->stride, *cost = is->cost + i * k, *t = targets + i * k;
            double dphi = (dot(theta, dv, k) + ball->shift[i]) / ball->row_sum[i] - ball->lean[i] * dmu;
            free[k + i] = dphi;
            for (int64_t j = 0; j < k; j++) {
                double dw = dmu * cost[j] + dphi - dv[j], w = ball->right[i * k + j];
                if (residual) { /* rounding is not to be followed: w can be smaller still */
                    double miss = w - (ball->phi[i] + mu * cost[j] - ball->v[j]);
                    if (fabs(miss) > noise) dw -= miss;
                }
                right[i * k + j] = dw;
                left[i * k + j] = t[j] * ball->per_right[i * k + j] - theta[j] * dw;
            }
        }
    } else if (is->kind == RDP_FIXED) memcpy(free, dv, sizeof(double) * (size_t)k);
    else memset(free, 0, sizeof(double) * (size_t)k); /* v follows from mu and the law */
}

/* psi with row sums of gamma = share/(psi + t c) equal to q: Newton from the left of a convex decreasing function. */
static double spread_plan(const Ball *ball, double room, double t) {
    const rdp_ball *is = ball->is;
    int64_t k = ball->size;
    double spent = 0.0;
    for (int64_t i = 0; i < is->rows; i++) {
        const double *cost = is->cost + i * k, *weight = ball->weight + i * k;
        double psi = -INFINITY;
        for (int64_t j = 0; j < k; j++) psi = fmax(psi, room * weight[j] / is->q[i] - t * cost[j]);
        for (int step = 0; step < 60; step++) {
            double sum = 0.0, slope = 0.0;
            for (int64_t j = 0; j < k; j++) {
                double gap = psi + t * cost[j], gamma = room * weight[j] / gap;
                sum += gamma;
                slope += gamma / gap;
            }
            if (fabs(sum - is->q[i]) <= 1e-10 * is->q[i]) break;
            psi += (sum - is->q[i]) / slope;
        }
        ball->phi[i] = psi;
        for (int64_t j = 0; j < k; j++) {
            ball->right[i * k + j] = psi + t * cost[j];
            ball->left[i * k + j] = room * weight[j] / ball->right[i * k + j];
        }
        spent += dot(ball->left + i * k, cost, k);
    }
    return spent / is->P;
}

void ball_begin(Core *c, Ball *ball, double room) {
    const rdp_ball *is = ball->is;
    int64_t k = ball->size;
    double *mu = ball->mu < 0 ? NULL : c->left + ball->mu, *w = ball->mu < 0 ? NULL : c->right + ball->mu;
    if (is->kind == RDP_BOX) {
        *mu = fmax(0.1, room / is->P);
        *w = 0.2 * is->P;
        for (int64_t j = 0; j < 2 * k; j++) {
            ball->left[j] = 0.4 * is->P / k;
            ball->right[j] = 0.5 * *mu;
        }
        memset(ball->v, 0, sizeof(double) * (size_t)k);
    } else if (is->kind == RDP_TRANSPORT) {
        double t = room / is->P, spent = spread_plan(ball, room, t);
        for (int step = 0; step < 40 && !(spent >= 0.2 && spent <= 0.6); step++) {
            t *= spent > 0.6 ? 2.0 : 0.6;
            spent = spread_plan(ball, room, t);
        }
        *mu = t;
        *w = fmax(0.2 * is->P, is->P - spent * is->P);
        memset(ball->v, 0, sizeof(double) * (size_t)k);
    } else if (is->kind == RDP_FIXED)
        memset(ball->v, 0, sizeof(double) * (size_t)k);
    else {
        *mu = 1.0;
        *w = 0.5 * is->P;
    }
}
