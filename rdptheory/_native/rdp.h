/* What a caller of the library sees: one problem, solved in its own memory. No allocation, no global state. */
#ifndef RDP_H
#define RDP_H
#include <stdint.h>

#if defined(__GNUC__) && !defined(_WIN32)
#define RDP_API __attribute__((visibility("default"))) /* the build hides the rest: no name of ours meets libc's */
#else
#define RDP_API
#endif

enum { RDP_POWER, RDP_JENSEN_SHANNON, RDP_CALLED, RDP_BOX, RDP_TRANSPORT, RDP_FIXED };

/* phi, phi' and phi'' of an f-divergence at `count` ratios t > 0; for divergences that are written elsewhere. */
typedef void (*rdp_phi)(int64_t count, const double *t, double *phi, double *slope, double *curvature);

/* The ball delta(q, A r) <= P. `size` symbols are compared; a transport moves `rows` symbols q to them.
   POWER: phi(t) = factor (t^a - a t + a - 1)/(a (a-1)) of order a, a log at a = 1 and a = 0. */
typedef struct {
    int64_t kind, size, rows;
    double P, order, factor, recession;
    rdp_phi phi;         /* CALLED */
    const double *q;     /* (rows) */
    const double *image; /* (size, m), or NULL where A is the identity and size = m */
    const double *cost;  /* TRANSPORT: (rows, size) */
    const double *guess; /* TRANSPORT: (size), the law its weights expect */
} rdp_ball;

/* min I(X;Y) with E d_k <= limit_k and every ball kept. */
typedef struct {
    int64_t n, m, tables, balls;
    const double *p;         /* (n), above 0 */
    const double *d;         /* (tables, n, m), row minima 0 */
    const double *limits;    /* (tables), above 0 */
    const double *forbidden; /* (n, m), above 0 where no channel may go, or NULL */
    const int64_t *group;    /* (n), from 0: rows of one group exchange mass, each group has a free level of f; or NULL */
    const rdp_ball *ball;
    const double *law; /* (m) to begin from */
    double gap, floor;
    int64_t max_steps, resume;
    int64_t near; /* begin from the answer for the law of the ball itself: one BOX on r, one table at most */
    double *state;  /* rdp_state_size: f (n), left and right of all pairs, the free multipliers, weights of the pairs */
    double *report; /* (4): steps, why it ended, complementarity, worst residual */
    const volatile int64_t *stop; /* set by another thread: nothing more is wanted; or NULL */
} rdp_problem;

/* Pairs, in this order: (r, z) m, (s limit, w) one a table, (mu, w_mu) one a ball but FIXED, then of every ball its own:
   BOX 2 size, TRANSPORT rows size. Free: v (size) of every ball, and phi (rows) of a TRANSPORT. */

enum { RDP_READY, RDP_STALLED, RDP_LIMIT, RDP_SINGULAR, RDP_NO_STEP, RDP_DIVERGED, RDP_CRAWLED, RDP_STOPPED };

RDP_API int64_t rdp_state_size(const rdp_problem *problem);
RDP_API int64_t rdp_work_size(const rdp_problem *problem);

/* The same with the output law prescribed, r = law, and at most one table: Newton on f and s. state: f (n), s limit. */
RDP_API int64_t rdp_fixed_work_size(const rdp_problem *problem);

/* One of both, then s (tables) in nats per unit and the channel (n, m) of where it ended; 0 if that is no number.
   W_ij = r_j exp(log p_i + f_i - sum_k s_k d^k_ij) / c_j with c_j the sum of its column. */
RDP_API int64_t rdp_descend(const rdp_problem *problem, int64_t only_law, double *work, double *s, double *channel);

/* Each problem of a batch, one after the other in the work memory of the largest: s, the channels and whether they are
   numbers follow each other in the order of the problems. */
RDP_API void rdp_descend_many(int64_t count, const rdp_problem *problems, int64_t only_law, double *work, double *s,
                              double *channels, int64_t *finite);

/* What the judge sums over the tables d^k (n, m) of a problem; a limit of 0 forbids every entry above 0. */
typedef struct {
    int64_t n, m, tables, barred; /* whether some entry is infinite, where no channel may go */
    const double *p;        /* (n), above 0 */
    const double *limits;   /* (tables) */
    const double *const *d; /* (tables) pointers to (n, m), row minima 0 */
} rdp_tables;

/* out: l_j = log sum_i p_i exp(f_i - sum_k s_k d^k_ij), -inf where all is forbidden (m); a bound on its rounding error
   (m); sum_i p_i f_i and sum_i p_i |f_i|. work has room for (n + 1) m. */
RDP_API void rdp_column_sums(const rdp_tables *is, const double *f, const double *s, double *work, double *out);

/* The array (n, m) with negative entries dropped and rows divided by their sums; a row without mass becomes the law of
   the others. 0 if an entry is not finite, or nothing has mass. */
RDP_API int64_t rdp_rows(const rdp_tables *is, const double *channel, double *rows);

/* out: the output law of rows (m), E d_k (tables), I(X;Y), and whether all rows are the same. */
RDP_API void rdp_weigh(const rdp_tables *is, const double *rows, double *out);

/* One outcome before the judge: a question with one table without infinite entries, a limit above 0, at most one ball on
   the output law itself that is no transport, and a copy of the source that costs nothing and has its law. */
typedef struct {
    const rdp_tables *is;   /* whose limit is not read: it is D */
    const rdp_ball *ball;   /* or NULL; its kind is that of its divergence, its radius is not read: it is P */
    const int64_t *copy;    /* (n) the output that repeats each symbol, at no cost */
    double D, P;
    const double *f;        /* (n); with s any numbers prove a lower bound */
    const double *channel;  /* (n, m), any array */
    double s, mu;           /* mu: a guess at the multiplier of a smooth ball */
    double *rows;           /* (n, m) out: the channel that reaches the upper end */
    double *found;          /* (3 + m) out: lower, upper, how far inside the ball its law is, that law */
    int64_t judged;         /* out: a sum of */
} rdp_outcome;

enum { RDP_LOWER = 1, RDP_UPPER = 2, /* which ends were found, the others being left to the general judge; */
       RDP_DEAR = 4 };               /* whether the upper one paid so much for rounding that an exact channel may be cheaper */

/* Both ends of the bracket of every outcome. work has room for rdp_judge_work(n, m) of the largest. */
RDP_API int64_t rdp_judge_work(int64_t n, int64_t m);
RDP_API void rdp_judge(int64_t count, rdp_outcome *outcomes, double *work);

/* Below E d of every law of the ball that is drawn without regard to X, up to rounding: at a D below that no rate is 0. Of
   an outcome this reads the question alone; work has room for rdp_judge_work(n, m) of the largest. */
RDP_API void rdp_least_means(int64_t count, const rdp_outcome *outcomes, double *work, double *least);

/* Sets of cuts ("nodes") of a line into cells between `size` slots, in order; of every node slot 0 and `end` are cut. A
   cell from slot i to slot j costs cost[j][i], infinite where it may not be, and spends surprise[j][i] nats of R. */
typedef struct {
    int64_t nodes, size, steps; /* prices tried for each */
    const double *cost, *surprise; /* (nodes, size, size) */
    const int64_t *end;            /* (nodes) */
    double constant, R;            /* what every set costs besides, and nats */
    double least;                  /* a price below it counts as 0 */
    double rounding;               /* a bound so near to what can be reached is not raised further, */
    double enough;                 /* nor one of so much */
    double *price;                 /* (nodes): that to begin with, then that of the bound */
    double *bound;                 /* (nodes): max over prices of constant + min (cost + price surprise) - price R */
    int64_t *counts;               /* (nodes, 2): cuts found of surprise at most R, and above */
    int64_t *low, *high;           /* (nodes, size): their slots */
} rdp_cuts;

/* work has room for 3 size. */
RDP_API void rdp_bound_cuts(const rdp_cuts *is, double *work);

/* Pairs of posteriors on a line restricted to atoms: see line.c. Tables have a row for each letter, of X and then of Y. */
typedef struct {
    int64_t n, m, atoms, priced; /* whether v is a price too, that of a limit P of the distance between means; else v = 1 */
    const double *law;           /* (n + m), above 0 */
    const double *x, *y;         /* (n), (m) centred points */
    const double *low, *high;    /* (atoms): where those that move stay, in between */
    const int64_t *moving;       /* (atoms): whether a mean follows its valley */
    double rates[2];             /* nats of either side */
    double P, spread;            /* sum q y^2 */
    double end;                  /* the gap, and what may be missed, in units of the objective */
    int64_t most;                /* steps */
    double *state;  /* means m, tilts theta, weights w, kappa, eta (atoms each), masses C and slacks s (n + m, atoms), prices
                       (n + m), then alpha, beta and if priced v, and what complements these */
    double *report; /* (2): the gap and what is missed where it ended */
} rdp_line;

/* Steps made. work has room for rdp_line_work_size. */
RDP_API int64_t rdp_line_work_size(const rdp_line *is);
RDP_API int64_t rdp_line_centre(const rdp_line *is, double *work);

/* Cells (i, j) of the plan, at most 2 n, that couples two laws of cumulated masses upper and lower (n) in order, and their
   masses; how many. */
RDP_API int64_t rdp_staircase(int64_t n, const double *upper, const double *lower, int64_t *i, int64_t *j, double *mass);

/* Mass q_i (k) moved to the first j that has max_j v_j - t c_ij, c (k, m): out receives the means of that maximum and of c,
   then the law (m) of where the mass goes. */
RDP_API void rdp_tangent(int64_t k, int64_t m, const double *v, const double *q, const double *cost, double t, double *out);

/* Whether this processor runs the build for x86-64-v3; asked of the baseline build. */
RDP_API int rdp_wide_registers(void);
#endif
