/* What the judge sums over a table, term by term as docs/method.md writes it. Nothing here is shared with the iteration:
   the exponential and the logarithm are those of libm, sums run in the order of the symbols. */
#include "judge.h"

#define SMALLEST 9.8813129168249309e-324 /* twice the least number: what one underflow may take from a sum */
#define HUGE_COST 1e300                 /* an exponent in place of an overflow; a smaller cost is valid */

/* Sum_k s_k d^k_ij of one row: infinite where d is, or where a limit of 0 forbids the entry. */
static void cost_of_row(const rdp_tables *is, const double *s, int64_t i, double *cost) {
    int64_t m = is->m;
    memset(cost, 0, sizeof(double) * (size_t)m);
    for (int64_t k = 0; k < is->tables; k++) {
        const double *d = is->d[k] + i * m;
        if (is->limits[k] == 0.0) {
            for (int64_t j = 0; j < m; j++) cost[j] = d[j] > 0.0 ? INFINITY : cost[j];
        } else if (s[k] > 0.0) {
            double slope = s[k];
            for (int64_t j = 0; j < m; j++) {
                double x = slope * d[j];
                cost[j] += x < HUGE_COST ? x : HUGE_COST;
            }
        }
        for (int64_t j = 0; is->barred && j < m; j++) cost[j] = d[j] == INFINITY ? INFINITY : cost[j];
    }
}

void rdp_column_sums(const rdp_tables *is, const double *f, const double *s, double *work, double *out) {
    int64_t n = is->n, m = is->m;
    double *logs = out, *slack = logs + m, *level = slack + m;
    double *exponent = work, *top = exponent + n * m, *total = slack, *size = logs;
    for (int64_t j = 0; j < m; j++) top[j] = -INFINITY;
    memset(total, 0, sizeof(double) * (size_t)m);
    memset(size, 0, sizeof(double) * (size_t)m);
    for (int64_t i = 0; i < n; i++) {
        double *row = exponent + i * m;
        cost_of_row(is, s, i, row);
        for (int64_t j = 0; j < m; j++) {
            row[j] = f[i] - row[j];
            top[j] = row[j] > top[j] ? row[j] : top[j];
        }
    }
    level[0] = level[1] = 0.0;
    for (int64_t i = 0; i < n; i++) {
        level[0] += is->p[i] * f[i];
        level[1] += is->p[i] * fabs(f[i]);
    }
    for (int64_t i = 0; i < n; i++) {
        const double *row = exponent + i * m;
        double p = is->p[i], twice = 2.0 * fabs(f[i]), terms = (double)is->tables + 8.0;
        for (int64_t j = 0; j < m; j++) {
            if (!(row[j] > -INFINITY)) continue;
            double weight = exp(row[j] - top[j]) * p;
            total[j] += weight;
            size[j] += (twice + terms * (f[i] - row[j])) * weight;
        }
    }
    for (int64_t j = 0; j < m; j++) {
        if (!(top[j] > -INFINITY) || !isfinite(top[j])) {
            logs[j] = -INFINITY;
            slack[j] = 0.0;
            continue;
        }
        double sum = log(total[j]), share = 1.0 / total[j];
        slack[j] = UNIT * ((double)n + 16.0 + size[j] * share + 2.0 * fabs(top[j]) + 4.0 * fabs(sum))
                   + ((double)n + 1.0) * SMALLEST * share;
        logs[j] = top[j] + sum;
    }
}

void row_over(double *row, int64_t m, double by) {
    for (int64_t j = 0; j < m; j++) row[j] /= by;
}

double row_sum(const double *row, int64_t m) { /* four sums side by side, so that they do not wait for each other */
    double a = 0.0, b = 0.0, c = 0.0, d = 0.0;
    int64_t j = 0;
    for (; j + 4 <= m; j += 4) a += row[j], b += row[j + 1], c += row[j + 2], d += row[j + 3];
    for (; j < m; j++) a += row[j];
    return (a + b) + (c + d);
}

/* Nothing where some d is infinite. */
static void shut(const rdp_tables *is, int64_t i, double *row) {
    for (int64_t k = 0; k < is->tables; k++)
        for (int64_t j = 0; j < is->m; j++) row[j] = is->d[k][i * is->m + j] == INFINITY ? 0.0 : row[j];
}

int64_t rdp_rows(const rdp_tables *is, const double *channel, double *rows) {
    int64_t n = is->n, m = is->m, empty = 0;
    for (int64_t i = 0; i < n; i++) {
        const double *from = channel + i * m;
        double *row = rows + i * m, highest = 0.0;
        for (int64_t j = 0; j < m; j++) {
            if (!isfinite(from[j])) return 0;
            row[j] = from[j] > 0.0 ? from[j] : 0.0;
        }
        if (is->barred) shut(is, i, row);
        for (int64_t j = 0; j < m; j++) highest = row[j] > highest ? row[j] : highest;
        empty += highest <= 0.0;
        if (highest > 0.0) row_over(row, m, highest); /* whatever its scale, its sum is now between 1 and m */
    }
    if (empty == n) return 0;
    for (int64_t i = 0, first = -1; empty && i < n; i++) { /* a row without mass becomes the output law of the others */
        double *row = rows + i * m;
        if (row_sum(row, m) > 0.0) continue;
        if (is->barred) { /* or goes wherever it may */
            for (int64_t j = 0; j < m; j++) row[j] = 1.0;
            shut(is, i, row);
            continue;
        }
        if (first >= 0) {
            memcpy(row, rows + first * m, sizeof(double) * (size_t)m);
            continue;
        }
        for (int64_t o = 0; o < n; o++)
            for (int64_t j = 0; j < m; j++) row[j] += o == i ? 0.0 : is->p[o] * rows[o * m + j];
        row_over(row, m, row_sum(row, m));
        first = i;
    }
    for (int64_t i = 0; i < n; i++)
        for (int pass = 0; pass < 2; pass++) /* the second takes out the rounding of the first */
            row_over(rows + i * m, m, row_sum(rows + i * m, m));
    return 1;
}

/* Law (m) and E d_k (tables). */
void table_means(const rdp_tables *is, const double *rows, double *law, double *spent) {
    int64_t n = is->n, m = is->m;
    memset(law, 0, sizeof(double) * (size_t)m);
    memset(spent, 0, sizeof(double) * (size_t)is->tables);
    for (int64_t i = 0; i < n; i++) {
        const double *row = rows + i * m;
        double p = is->p[i];
        for (int64_t j = 0; j < m; j++) law[j] += p * row[j];
        for (int64_t k = 0; k < is->tables; k++) {
            const double *d = is->d[k] + i * m;
            double a = 0.0, b = 0.0; /* a row without mass on an entry pays nothing for it, whatever it costs */
            int64_t j = 0;
            for (; j + 2 <= m; j += 2) {
                a += row[j] > 0.0 ? row[j] * d[j] : 0.0;
                b += row[j + 1] > 0.0 ? row[j + 1] * d[j + 1] : 0.0;
            }
            if (j < m) a += row[j] > 0.0 ? row[j] * d[j] : 0.0;
            spent[k] += p * (a + b);
        }
    }
}

double table_information(const rdp_tables *is, const double *rows, const double *law) {
    int64_t n = is->n, m = is->m;
    double rate = 0.0;
    for (int64_t i = 0; i < n; i++) {
        const double *row = rows + i * m;
        double sum = 0.0;
        for (int64_t j = 0; j < m; j++)
            if (row[j] > 0.0) sum += row[j] * log(row[j] / (law[j] > TINY ? law[j] : TINY));
        rate += is->p[i] * sum;
    }
    return rate > 0.0 ? rate : 0.0;
}

void rdp_weigh(const rdp_tables *is, const double *rows, double *out) {
    int64_t n = is->n, m = is->m, same = 1;
    double *law = out, *spent = law + m;
    table_means(is, rows, law, spent);
    for (int64_t i = n - 1; i > 0 && same; i--) same = !memcmp(rows, rows + i * m, sizeof(double) * (size_t)m);
    spent[is->tables] = table_information(is, rows, law);
    spent[is->tables + 1] = (double)same;
}
