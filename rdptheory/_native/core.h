/* The workspace of one problem, and what its files say to each other. */
#ifndef RDP_CORE_H
#define RDP_CORE_H
#include "numbers.h"
#include "rdp.h"

/* One ball, seen as the linear relation  drho = e + S dv - b dmu,  b'dv - kappa dmu + c + dw = -row,  or, where S is
   diagonal and the ball stands alone, as its inverse  dv = G drho + y dmu + g,  y'drho - kappa dmu + c + dw = -row. */
typedef struct {
    const rdp_ball *is;
    int64_t size, pairs, mu;  /* symbols compared, own pairs, index of mu among the pairs or -1 */
    double *left, *right;     /* own pairs, */
    double *per_left, *per_right; /* and 1 over each */
    double *v, *phi;          /* multipliers (size); potentials of a transport (rows) */
    double *weight;           /* of the own pairs */
    double *law, *image_v;    /* A r (size), A'v (m) */
    double *slope, *curve, *ratio; /* (size): phi', phi'' of a smooth ball */
    int64_t stride;                /* between rows of theta, and of the S of a transport */
    double *S, *b, *e, *G, *y, *g; /* the relation; S is a matrix for a transport, diagonal for the others */
    double *theta, *row_sum, *lean, *shift; /* of a transport: left/right, its row sums, row means of the cost */
    double value, kappa, c;   /* delta, or the cost of the plan */
} Ball;

/* Tables are turned, so that a column of the channel lies in one piece: (m, n), the n filled up, rows `stride` apart. */
typedef struct {
    const rdp_problem *is;
    int64_t n, m, K, L, pairs, frees, own, stride;
    int diagonal, level, balanced, plan; /* response by symbol; a free level of f; mass held by rows; a transport */
    double *logp, *f, *left, *right, *free, *weight; /* state, and the weights of the pairs */
    double *per_left, *per_right;                    /* 1/left, 1/right */
    double total_weight;
    Ball *ball;
    double *T, *barrier, *B, *scratch; /* d^k/limit_k (K tables); 0, or -inf where no channel may go; B; one more */
    double *lse, *logc, *mean, *second; /* columns; mean is (K, m), second (K, K, m) */
    double *height;                     /* log p + f, filled up with -inf */
    double *Br, *spread, *off, *tilt, *spent, *dist; /* rows, filled up: spread is sum_j r B (1 - B), tilt and spent are (K, n) */
    double *held, *level_of;                 /* mass and level of every group of rows (n) */
    double *h, *D;                           /* the response of r: diagonal part, r/z */
    Matrix system, response;                 /* of df; of dv, where the response is coupled */
    double *images, *offset, *across, *half, *H; /* coupled response; images is A turned, (m, own) */
    double *unit_f, *unit_r, *unit_v, *border; /* columns of the border, and the small matrix */
    double *matrix, *wanted, *border_row, *one, *none; /* its copy, right-hand side, a column; changes of the mu */
    double *rows_m, *rows_n, *push, *dv;         /* scratch */
    double *affine, *centring, *second_order, *chosen, *trial, *targets; /* directions */
    double *kept;   /* the best state close to the end */
    double *moving; /* relative moves of the pairs that may stop a step: of the three directions, packed */
} Core;

/* A direction: f (n), left (pairs), right (pairs), free (frees). */
int64_t direction_size(const Core *c);

/* Whether somebody wants no more: asked at every step, and between the products of one, whose results are not read then. */
static inline int stopped(const rdp_problem *is) { return is->stop && *is->stop; }

static inline int64_t group_of(const Core *c, int64_t i) { return c->is->group ? c->is->group[i] : 0; }

/* Sums of `values` (n) over every group of rows. */
static inline void sum_groups(const Core *c, const double *values, double *sums) {
    memset(sums, 0, sizeof(double) * (size_t)c->n);
    for (int64_t i = 0; i < c->n; i++) sums[group_of(c, i)] += values[i];
}

/* Give every array its place; with `work` NULL count the doubles only. */
int64_t lay_out(Core *c, const rdp_problem *problem, double *work);

/* tables.c */
typedef struct { /* exp(X - top) of a column of X: its sum is small, over entries below 1, and count, of those equal to 1 */
    double top, small, count;
} Column;
void take_tables(Core *c, double **at, int64_t *used);
void turn_tables(Core *c);                                  /* T and the barrier, log p, what is filled up */
#define COLUMNS 4 /* at once: one waits for its largest entry while another is read */
/* Those of up to so many columns from j on, in B, of X_ij = height_i - sum_k s_k T^k_ij; the column that comes next. */
int64_t exponentials(const Core *c, const double *s, int64_t j, Column *out);
void write_channel(Core *c, const double *r, double *channel);

/* balls.c */
void ball_begin(Core *c, Ball *ball, double room);
void ball_evaluate(Core *c, Ball *ball);                    /* law, v, value */
double ball_slack(const Ball *ball);                        /* P - delta */
double ball_row(const Ball *ball);                          /* residual of its row without w */
void ball_relation(Core *c, Ball *ball);                    /* S, b, kappa or G, y, kappa */
void ball_constants(Core *c, Ball *ball, const double *targets, int residual); /* e and c, or g and c */
void ball_move(Core *c, Ball *ball, const double *targets, int residual, const double *dv, double dmu,
               double *left, double *right, double *free);

/* response.c: dr and dv for a push u on log c and changes of the mu, everything but f, s and mu eliminated. */
int respond(Core *c);
void respond_gram(Core *c);
void respond_solve(Core *c, const double *u, int constants, const double *dmu, double *dr, double *dv);

/* system.c */
void evaluate(Core *c); /* all that belongs to a state */
void settle(Core *c);
int factor(Core *c);
int direction(Core *c, const double *targets, int residual, double *out);
double worst_residual(const Core *c);
double broken(const Core *c);

/* fixed.c: the answer for a prescribed law, in `state`; what belongs to it is left in `c` */
void follow_law(const rdp_problem *is, Core *c, double *work);

/* start.c */
double slope_for(Core *c, const double *r); /* leaves a kernel in B, sums of its rows in Br */
void begin(Core *c);
void begin_near(Core *c, double s); /* f holds the answer for r = q, s its multiplier */
#endif
