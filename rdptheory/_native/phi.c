/* f-divergences for the judge: the same forms as rdptheory/divergences, whose accuracy the allowances lean on. The
   logarithms and exponentials are those of libm. */
#include "judge.h"

Phi phi_of(const rdp_ball *ball) {
    Phi is = {UNKNOWN, ball->order, ball->recession};
    double a = ball->order, c = ball->factor;
    if (ball->kind == RDP_JENSEN_SHANNON) is.form = JENSEN;
    else if (ball->kind == RDP_POWER && c == 1.0) is.form = a == 1.0 ? KL : a == 0.0 ? REVERSE_KL : ORDERED;
    else if (ball->kind == RDP_POWER && a == c && (a == 2.0 || a == 0.5)) is.form = a == 2.0 ? CHI_SQUARE : HELLINGER;
    return is;
}

static double log_times(double x, double y) { return x > 0.0 ? x * log(x / y) : 0.0; } /* x log(x/y) */

static double risen(double power, double t, double log_t) { /* t^power - 1: a power rounds once */
    double exponent = power * log_t;
    return fabs(exponent) < 1.0 ? expm1(exponent) : pow(t, power) - 1.0;
}

/* q phi(r/q) for phi(t) = (t^a - a t + a - 1)/(a (a-1)), from r - q and log(r/q). */
static double ordered(double a, double q, double r, double gap, double log_t) {
    if (a >= 0.5) return (r * risen(a - 1.0, r / q, log_t) / (a - 1.0) - gap) / a;
    return (q * risen(a, r / q, log_t) / a - gap) / (a - 1.0);
}

double phi_value(const Phi *is, double t) {
    double middle = 0.5 * (1.0 + t), root = sqrt(t) - 1.0;
    switch (is->form) {
    case KL: return log_times(t, 1.0) - t + 1.0;
    case REVERSE_KL: return t > 0.0 ? t - 1.0 - log(t) : INFINITY;
    case JENSEN: return (log_times(1.0, middle) - 1.0 + middle) + (log_times(t, middle) - t + middle);
    case CHI_SQUARE: return (t - 1.0) * (t - 1.0);
    case HELLINGER: return root * root;
    default: return t > 0.0 ? ordered(is->order, 1.0, t, t - 1.0, log(t)) : 1.0 / is->order;
    }
}

static double near(const Phi *is, double z) { /* phi(1 + z), |z| <= 1/2 */
    double root = z / (1.0 + sqrt(1.0 + z));
    switch (is->form) {
    case KL: return (1.0 + z) * log1p(z) - z;
    case REVERSE_KL: return z - log1p(z);
    case JENSEN: return (1.0 + z) * log1p(z) - (2.0 + z) * log1p(0.5 * z);
    case CHI_SQUARE: return z * z;
    case HELLINGER: return root * root;
    default: return ordered(is->order, 1.0, 1.0 + z, z, log1p(z));
    }
}

static double far(const Phi *is, double q, double r) { /* q phi(r/q) */
    double middle = 0.5 * (q + r), root = sqrt(r) - sqrt(q);
    switch (is->form) {
    case KL: return log_times(r, q) - r + q;
    case REVERSE_KL: return r > 0.0 ? log_times(q, r) - q + r : INFINITY;
    case JENSEN: return (log_times(q, middle) - q + middle) + (log_times(r, middle) - r + middle);
    case HELLINGER: return root * root;
    case CHI_SQUARE: return (r - q) * ((r - q) / q);
    default: return r > 0.0 ? ordered(is->order, q, r, r - q, log(r / q)) : q / is->order;
    }
}

double phi_term(const Phi *is, double q, double r) {
    double gap = r - q;
    return fabs(gap) <= 0.5 * q ? q * near(is, gap / q) : far(is, q, r);
}

double phi_slope(const Phi *is, double t) {
    switch (is->form) {
    case KL: return log(t);
    case REVERSE_KL: return 1.0 - 1.0 / t;
    case JENSEN: return log(2.0 * t / (1.0 + t));
    case CHI_SQUARE: return 2.0 * (t - 1.0);
    case HELLINGER: return 1.0 - 1.0 / sqrt(t);
    default: return expm1((is->order - 1.0) * log(t)) / (is->order - 1.0);
    }
}

double phi_curvature(const Phi *is, double t) {
    switch (is->form) {
    case KL: return 1.0 / t;
    case REVERSE_KL: return 1.0 / (t * t);
    case JENSEN: return 1.0 / (t * (1.0 + t));
    case CHI_SQUARE: return 2.0;
    case HELLINGER: return 0.5 / (t * sqrt(t));
    default: return pow(t, is->order - 2.0);
    }
}

static double log_ratio(double a, double y) { /* log t */
    double x = (a - 1.0) * y;
    return log1p(x > -1.0 ? x : -1.0) / (a - 1.0);
}

double phi_ratio(const Phi *is, double y, double *slope) {
    double t, e;
    switch (is->form) {
    case KL: return *slope = exp(y);
    case REVERSE_KL: t = 1.0 / (1.0 - y); *slope = t * t; return t;
    case JENSEN: e = exp(y); *slope = 2.0 * e / ((2.0 - e) * (2.0 - e)); return e / (2.0 - e);
    case CHI_SQUARE: *slope = y > -2.0 ? 0.5 : 0.0; return y > -2.0 ? 1.0 + 0.5 * y : 0.0;
    case HELLINGER: t = 1.0 / (1.0 - y); *slope = 2.0 * t * t * t; return t * t;
    default:
        e = log_ratio(is->order, y);
        *slope = (is->order - 1.0) * y > -1.0 ? exp((2.0 - is->order) * e) : 0.0;
        return exp(e);
    }
}

double phi_conjugate(const Phi *is, double y) {
    switch (is->form) {
    case KL: return expm1(y);
    case REVERSE_KL: return -log1p(-y);
    case JENSEN: return -log1p(-expm1(y)); /* 2 - exp(y) loses the digits of a small y, which mu would multiply */
    case CHI_SQUARE: return y >= -2.0 ? y * (1.0 + 0.25 * y) : -1.0;
    case HELLINGER: return y / (1.0 - y);
    default: return expm1(is->order * log_ratio(is->order, y)) / is->order;
    }
}
