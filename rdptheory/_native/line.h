/* The state of pairs on a line, and what its files say to each other. */
#ifndef RDP_LINE_H
#define RDP_LINE_H
#include "numbers.h"
#include "rdp.h"

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
    /* Of atoms whose log w is not eliminated for good: what is too much of their pivots, below 0 for the others, and how
       much of m is in it (k); their part in the prices (prices, held), theirs (held), and what it adds (2k). */
    double *excess, *mixed, *H, *y, *pushed;
    Matrix S; /* of theirs */
    double *X, *Y, *W; /* (n+1, 2k), (m+1 or 2, k), (prices, wide): the prices in them, by roots of the pivots */
    Matrix system; /* of the prices */
    double *copy, *z, *out;
    double *t[5], *image;                          /* (k): a right-hand side of the systems; (2k) */
} Line;

static inline int side_of(const Line *c, int64_t j) { return j >= c->n; }
static inline double point_of(const Line *c, int64_t j) { return j < c->n ? c->is->x[j] : c->is->y[j - c->n]; }
/* What is taken off a point: x - m, y. */
static inline const double *origin_of(const Line *c, int64_t j) { return j < c->n ? c->at.mean : c->zeros; }
/* The rows of the price of a letter, and of alpha, beta and v. */
static inline int64_t row_of(const Line *c, int64_t j) { return j < c->n ? j : j + 1; }
static inline int64_t nat_row(const Line *c, int64_t i) { return i == 0 ? c->n : c->letters + i; }

static inline void clear(double *row, int64_t count) { memset(row, 0, sizeof(double) * (size_t)count); }

/* line_system.c */
int line_factor(Line *c);
void line_direction(Line *c, double goal, const Parts *second, const Parts *to);
#endif
