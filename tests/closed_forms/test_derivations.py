"""Each closed form derived from the channel: stationarity, signs of the multipliers, values, and the joins.

All three problems are convex in the parameters used, so that a feasible point with multipliers at least 0 is optimal.
"""

import sympy
from sympy import Rational, cancel, diff, log, simplify, sqrt

from rdptheory.closed_forms import bernoulli, gaussian, uniform_discrete
from rdptheory.divergences import KullbackLeibler, Wasserstein2Squared

D, P, p = sympy.symbols("D P p", positive=True)
q = 1 - p
W2 = Wasserstein2Squared()


def log_terms(expression):
    """A sum of coefficient * log(rational function), as {irreducible factor: coefficient} and what is left over.

    Factors are taken up to sign: every logarithm here has a positive argument, so log a = Σ k log|factor|.
    """
    stand_ins = {logarithm: sympy.Dummy() for logarithm in expression.atoms(log)}
    linear = expression.xreplace(stand_ins)
    terms = {}
    for logarithm, stand_in in stand_ins.items():
        coefficient = cancel(diff(linear, stand_in))
        for side, sign in zip(cancel(logarithm.args[0]).as_numer_denom(), (1, -1), strict=True):
            constant, factors = sympy.factor_list(side)
            primes = sympy.factorrat(abs(constant)).items()
            for base, k in [*factors, *((sympy.Integer(prime), k) for prime, k in primes)]:
                key = max(base, sympy.expand(-base), key=sympy.default_sort_key)
                terms[key] = cancel(terms.get(key, 0) + sign * k * coefficient)
    rest = cancel(linear.subs(dict.fromkeys(stand_ins.values(), 0)))
    return {key: total for key, total in terms.items() if total != 0}, rest


def vanishes(expression):
    """Whether a sum of coefficient * log(rational function) is 0 identically."""
    terms, rest = log_terms(expression)
    return not terms and rest == 0


def information(law, channel):
    """I(X;Y) = Σ p(x,y) log p(x,y) / (p(x) p(y)) of a source law and a channel matrix."""
    joint = (sympy.diag(*law) * channel).applyfunc(cancel)
    output = (sympy.ones(1, joint.rows) * joint).tolist()[0]
    return sum(
        joint[i, j] * log(joint[i, j] / (law[i] * output[j])) for i in range(joint.rows) for j in range(joint.cols)
    )


def branch(expression, point):
    """The branch of a Piecewise that holds at a point, as an expression in its symbols."""
    return next(value for value, condition in expression.args if condition.subs(point))


def test_vanishes_tells_zero_from_nearly_zero():
    assert vanishes(log(D**2 - P**2) - log(D - P) - log(D + P))
    assert not vanishes(Rational(101, 100) * log(D**2 - P**2) - log(D - P) - log(D + P))


class TestBernoulli:
    """Channel with P(Y=1|X=0) = x/q, P(Y=0|X=1) = y/p. Limits: x + y <= D, |y - x| <= P."""

    x, y = sympy.symbols("x y", positive=True)
    value = information([q, p], sympy.Matrix([[1 - x / q, x / q], [y / p, 1 - y / p]]))
    printed = bernoulli.symbolic(p, D, P)
    in_shannon, in_both = ({p: Rational(1, 4), D: Rational(d), P: Rational(1, 20)} for d in ("1/20", "1/5"))
    zero_from = 2 * p * q - (q - p) * P
    shannon_to = P / (1 + 2 * P - 2 * p)
    both = sympy.Dict({x: (D - P) / 2, y: (D + P) / 2})
    shannon = sympy.Dict({x: D * (p - D) / (1 - 2 * D), y: D * (q - D) / (1 - 2 * D)})

    def multipliers(self, point):
        """(s, μ) of I + s (x + y - D) + μ (y - x - P), from both stationarity conditions."""
        by_x, by_y = diff(self.value, self.x), diff(self.value, self.y)
        return -(by_x + by_y).subs(point) / 2, (by_x - by_y).subs(point) / 2

    def test_information_is_convex(self):
        x, y, r0, r1 = self.x, self.y, q - self.x + self.y, p + self.x - self.y
        hessian = sympy.hessian(self.value, (x, y)).applyfunc(cancel)
        a, b = q / (x * (q - x)), p / (y * (p - y))
        assert (
            (hessian - sympy.Matrix([[a, 0], [0, b]]) + sympy.Matrix([[1, -1], [-1, 1]]) / (r0 * r1))
            .applyfunc(cancel)
            .is_zero_matrix
        )
        # Var Y = E Var(Y|X) + Var E(Y|X), so that 1/a + 1/b <= r0 r1 and diag(a, b) - (1,-1)(1,-1)ᵀ/(r0 r1) >= 0
        assert cancel(r0 * r1 - 1 / a - 1 / b - p * q * (1 - x / q - y / p) ** 2) == 0

    def test_shannon_regime(self):
        s, mu = self.multipliers(self.shannon)
        assert vanishes(mu)
        assert vanishes(s - log((1 - D) / D))
        assert cancel((self.x + self.y).subs(self.shannon) - D) == 0
        assert vanishes(self.value.subs(self.shannon) - branch(self.printed, self.in_shannon))
        # this channel shifts P(Y=0) by D (q-p)/(1-2D), which reaches P at D1
        shift = (self.y - self.x).subs(self.shannon)
        assert cancel(shift - D * (q - p) / (1 - 2 * D)) == 0
        assert cancel(shift.subs(D, self.shannon_to) - P) == 0

    def test_both_limits_bind(self):
        assert (self.x + self.y).subs(self.both) == D
        assert (self.y - self.x).subs(self.both) == P
        s, mu = self.multipliers(self.both)
        x, y = self.both[self.x], self.both[self.y]
        assert vanishes(s - log((q - x) * (p - y) / (x * y)) / 2)
        assert cancel((q - x) * (p - y) - x * y - (self.zero_from - D) / 2) == 0  # s >= 0 iff D <= D2
        higher, lower = (q + P) ** 2 * x * (p - y), (p - P) ** 2 * (q - x) * y
        assert vanishes(mu - log(higher / lower) / 2)
        between = (D * (1 + 2 * P - 2 * p) - P) * (self.zero_from - D) / 4
        assert cancel(higher - lower - between) == 0  # μ >= 0 iff D1 <= D <= D2
        assert vanishes(self.value.subs(self.both) - branch(self.printed, self.in_both))
        assert vanishes(diff(branch(self.printed, self.in_both), D) + s)
        assert vanishes(diff(branch(self.printed, self.in_both), P) + mu)

    def test_zero_regime(self):
        independent = {self.x: q * (p - P), self.y: p * (q + P)}
        assert vanishes(self.value.subs(independent))
        assert cancel((self.x + self.y).subs(independent) - self.zero_from) == 0
        assert cancel((self.y - self.x).subs(independent) - P) == 0

    def test_regimes_join_with_equal_slopes(self):
        shannon, both = branch(self.printed, self.in_shannon), branch(self.printed, self.in_both)
        for first, second, at in ((shannon, both, self.shannon_to), (both, sympy.S.Zero, self.zero_from)):
            assert vanishes((first - second).subs(D, at))
            assert vanishes(diff(first - second, D).subs(D, at))
            assert vanishes(diff(first - second, P).subs(D, at))

    def test_one_per_cent_is_noticed(self):
        assert not vanishes(self.value.subs(self.both) - branch(self.printed, self.in_both) * Rational(101, 100))

    def test_numeric_channels_are_the_derived_ones(self):
        for point, derived in ((self.in_shannon, self.shannon), (self.in_both, self.both)):
            rows = bernoulli.channel(*(float(point[name]) for name in (p, D, P)))
            assert abs(rows[0, 1] - (derived[self.x] / q).subs(point)) < 1e-15
            assert abs(rows[1, 0] - (derived[self.y] / p).subs(point)) < 1e-15


class TestGaussian:
    """Jointly Gaussian (X, Y), Var X = σ², Var Y = w, Cov = t; E d = σ² + w - 2t.

    Given the second moments, a Gaussian pair has the least I(X;Y), W2² and KL [ZQCK21, proof of Theorem 1].
    """

    sigma, w, t, g = sympy.symbols("sigma w t g", positive=True)
    residual = sigma**2 * w - t**2
    value = log(sigma**2 * w / residual) / 2

    def test_information_is_convex(self):
        # -log(1-f)/2 is convex and increasing in f, and f = t²/(σ² w) is jointly convex
        hessian = sympy.hessian(self.t**2 / self.w, (self.w, self.t))
        assert simplify(hessian.det()) == 0
        assert simplify(hessian[1, 1] - 2 / self.w) == 0

    def test_both_limits_bind(self):
        common = (self.sigma**2 + self.w - D) / 2
        lam = diff(self.value, self.t) / 2  # stationarity in t of I + λ (σ² + w - 2t - D)
        assert simplify(lam - self.t / (2 * self.residual)) == 0
        # stationarity in w: I_w + λ + μ δ_w = 0; δ falls in w below σ², so μ >= 0 iff I_w + λ >= 0 iff w >= t
        pull = diff(self.value, self.w) + lam
        assert simplify(pull - self.t * (self.w - self.t) / (2 * self.w * self.residual)) == 0
        assert simplify((self.w - common) - (self.w - (self.sigma**2 - D)) / 2) == 0  # w >= t iff w >= σ² - D
        assert simplify(common - (self.w - (D - self.sigma**2)) / 2) == 0  # t >= 0 iff w >= D - σ²

    def test_the_balls_are_intervals_in_the_variance(self):
        # W2²: the best coupling of two Gaussians has Cov = σ √w; KL from second moments
        moved = self.sigma**2 + self.w - 2 * self.sigma * sqrt(self.w)
        assert sympy.expand(moved - (self.sigma - sqrt(self.w)) ** 2) == 0
        x = sympy.Symbol("x", real=True)
        density = {v: sympy.exp(-(x**2) / (2 * v)) / sqrt(2 * sympy.pi * v) for v in (self.sigma**2, self.w)}
        ratio = (x**2 / self.sigma**2 - x**2 / self.w) / 2 + log(self.sigma**2 / self.w) / 2
        assert simplify(log(density[self.w]) - log(density[self.sigma**2]) - ratio).expand(force=True) == 0
        kl = sympy.integrate(sympy.expand(ratio * density[self.w]), (x, -sympy.oo, sympy.oo))
        assert simplify(kl - (self.w - self.sigma**2) / (2 * self.sigma**2) - log(self.sigma**2 / self.w) / 2) == 0
        for ball in (moved, kl):
            assert simplify(diff(ball, self.w).subs(self.w, self.sigma**2)) == 0  # the centre
            assert diff(ball, self.w, 2).subs(self.sigma, 1).simplify().is_positive  # convex

    def test_printed_forms(self):
        rho = (1 + self.g**2 - D / self.sigma**2) / (2 * self.g)
        omega = -sympy.LambertW(-sympy.exp(-1 - 2 * P))
        point = {self.sigma: 1, D: Rational(3, 10), P: Rational(1, 100)}
        for perception, width in ((W2, (self.sigma - sqrt(P)) ** 2), (KullbackLeibler(), self.sigma**2 * omega)):
            both = branch(gaussian.symbolic(D=D, P=P, perception=perception), point)
            derived = self.value.subs({self.w: width, self.t: (self.sigma**2 + width - D) / 2})
            assert simplify(sympy.exp(2 * (both - derived))) == 1
            assert simplify(sympy.exp(2 * (both * Rational(101, 100) - derived))) != 1
        derived = self.value.subs({self.w: self.g**2 * self.sigma**2, self.t: rho * self.g * self.sigma**2})
        assert simplify(sympy.exp(2 * derived) * (1 - rho**2)) == 1
        # omega lies on the sphere: the defining equation of W turns log omega into -1 - 2P + omega
        assert simplify(diff((omega - 1 - log(omega)) / 2 - P, P)) == 0
        assert ((omega - 1 - log(omega)) / 2 - P).subs(P, 0) == 0

    def test_shannon_regime(self):
        point = {self.w: self.sigma**2 - D, self.t: self.sigma**2 - D}
        lam = (diff(self.value, self.t) / 2).subs(point)
        assert simplify(lam - 1 / (2 * D)) == 0
        assert simplify((diff(self.value, self.w)).subs(point) + lam) == 0  # μ = 0
        assert simplify(sympy.exp(2 * self.value.subs(point)) - self.sigma**2 / D) == 0

    def test_regimes_join(self):
        both = self.value.subs(self.t, (self.sigma**2 + self.w - D) / 2)
        at_shannon, at_zero = {D: self.sigma**2 - self.w}, {D: self.sigma**2 + self.w}
        assert simplify(sympy.exp(2 * (both - log(self.sigma**2 / D) / 2).subs(at_shannon))) == 1
        assert simplify(diff(both - log(self.sigma**2 / D) / 2, D).subs(at_shannon)) == 0
        assert simplify(diff(both, self.w).subs(at_shannon)) == 0
        assert simplify(both.subs(at_zero)) == 0
        assert simplify(diff(both, D).subs(at_zero)) == 0


class TestUniform:
    """Over all m x m channels the symmetric one with error D is stationary, and a perception limit is of no use."""

    def test_the_symmetric_channel_is_optimal_among_all(self):
        for m in (2, 3, 4):
            rows = sympy.Matrix(m, m, lambda i, j: sympy.Symbol(f"w{i}{j}", positive=True))
            value = information([Rational(1, m)] * m, rows)
            symmetric = {rows[i, j]: 1 - D if i == j else D / (m - 1) for i in range(m) for j in range(m)}
            s = log((1 - D) * (m - 1) / D)
            assert cancel((1 - D) * (m - 1) / D - 1 - (m - 1 - m * D) / D) == 0  # s >= 0 iff D <= 1 - 1/m
            for j in range(1, m):  # ∂I/∂w_ij + s p_i d_ij is the same for every j: the multiplier of row i
                difference = (diff(value, rows[0, j]) - diff(value, rows[0, 0])).subs(symmetric)
                assert vanishes(m * difference + s)
            printed = uniform_discrete.symbolic(m, D).args[-1][0]
            assert vanishes(value.subs(symmetric) - printed)
            assert not vanishes(value.subs(symmetric) - printed * Rational(101, 100))
            column = sum(rows[i, 0] for i in range(m)).subs(symmetric) / m
            assert cancel(column - Rational(1, m)) == 0  # the output is uniform: δ = 0
            assert vanishes(printed.subs(D, 1 - Rational(1, m)))
            assert vanishes(diff(printed, D).subs(D, 1 - Rational(1, m)))
