/* delta of an output law from the reference of a ball, and what rounding may hide of it (docs/method.md). */
#include "judge.h"

static double variation(const rdp_ball *ball, const double *law) {
    double sum = 0.0;
    for (int64_t j = 0; j < ball->size; j++) sum += fabs(ball->q[j] - law[j]);
    return 0.5 * sum;
}

/* Sum q phi(r/q), by differences where the laws are close, so that a small delta keeps its digits. */
double distance(const rdp_ball *ball, const double *law) {
    if (ball->kind == RDP_BOX) return variation(ball, law);
    Phi phi = phi_of(ball);
    double sum = 0.0, bare = 0.0;
    for (int64_t j = 0; j < ball->size; j++) {
        if (ball->q[j] > 0.0) sum += phi_term(&phi, ball->q[j], law[j]);
        else bare += law[j];
    }
    return bare > 0.0 ? sum + phi.recession * bare : sum;
}

/* First and second order of delta in both laws, and the rounding of its evaluation. */
double distance_uncertainty(const rdp_ball *ball, const double *law, double relative) {
    if (ball->kind == RDP_BOX) return relative + UNIT * ((double)ball->size + 8.0) * variation(ball, law);
    Phi phi = phi_of(ball);
    double once = 0.0, twice = 0.0, apart = 0.0, bare = 0.0, value = distance(ball, law);
    for (int64_t j = 0; j < ball->size; j++) {
        double q = ball->q[j], r = law[j];
        if (!(q > 0.0)) {
            bare += r;
            continue;
        }
        double t = r / q > TINY ? r / q : TINY, slope = phi_slope(&phi, t);
        double first = r * fabs(slope) + q * fabs(phi_value(&phi, t) - t * slope), second = q * t * t * phi_curvature(&phi, t);
        once += isfinite(first) ? first : 0.0;
        twice += isfinite(second) ? second : 0.0;
        apart += fabs(r - q);
    }
    if (bare > 0.0 && isfinite(phi.recession)) once += phi.recession * bare;
    double rounding = 16.0 * apart + ((double)ball->size + 64.0) * (isfinite(value) ? value : 0.0);
    return relative * once + relative * relative * twice + UNIT * rounding;
}
