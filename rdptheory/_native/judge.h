/* What the files of the judge say to each other. They share nothing with the iteration but the structs of rdp.h. */
#ifndef RDP_JUDGE_H
#define RDP_JUDGE_H
#include "rdp.h"
#include <math.h>
#include <string.h>

#define UNIT 1.1102230246251565e-16 /* largest relative error of one operation */
#define TINY 2.2250738585072014e-308 /* no symbol of positive mass comes near */

static inline double above(double x) { return nextafter(x, INFINITY); } /* at least the sum that was rounded to x */

/* sums.c: law (m) and E d_k of rows that sum to 1; I(X;Y) of them; the sum of a row; a row over a number. */
void table_means(const rdp_tables *is, const double *rows, double *law, double *spent);
double table_information(const rdp_tables *is, const double *rows, const double *law);
double row_sum(const double *row, int64_t m);
void row_over(double *row, int64_t m, double by);

/* phi.c: an f-divergence sum q phi(r/q), term by term in the forms whose error is a few units of |t - 1|. */
typedef struct {
    enum { KL, REVERSE_KL, JENSEN, CHI_SQUARE, HELLINGER, ORDERED, UNKNOWN } form;
    double order, recession; /* phi'(inf), perhaps infinite */
} Phi;
Phi phi_of(const rdp_ball *ball);
double phi_term(const Phi *is, double q, double r); /* q phi(r/q), q > 0 */
double phi_value(const Phi *is, double t);
double phi_slope(const Phi *is, double t);
double phi_curvature(const Phi *is, double t);
double phi_ratio(const Phi *is, double y, double *slope); /* the t that maximises t y - phi(t), and its derivative by y */
double phi_conjugate(const Phi *is, double y);

/* distance.c: delta(q, law) as float64 evaluates it, and by how much that of laws within a share of these may differ. */
double distance(const rdp_ball *ball, const double *law);
double distance_uncertainty(const rdp_ball *ball, const double *law, double relative);

/* support.c: an upper bound on sigma_P(v), v finite, from one look; 0 if a better one needs a search. work: 2 m. */
int support(const rdp_ball *ball, double P, const double *v, int64_t m, double mu, double *work, double *bound);
#endif
