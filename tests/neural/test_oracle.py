import pytest
import torch

from neural import oracle
from neural.coders import Perceptron
from neural.losses import MeanSquaredError
from neural.quantisers import DeterministicQuantiser
from neural.training import fit_codec
from rdptheory.errors import InvalidInput


@pytest.fixture(scope="module")
def cells(digits, lloyd):
    return lloyd.send(digits.train, torch.Generator().manual_seed(0)).cells


@pytest.fixture(scope="module")
def mean(digits, lloyd):
    sent = lloyd.send(digits.train, torch.Generator().manual_seed(0))
    return lloyd.decoder(sent.received, torch.Generator().manual_seed(0))


def permute(images, cells, seed):
    """The images permuted at random inside each cell, told apart by 16 numbers of one digit."""
    decoder = oracle.Redraw(images, cells, 16, seed=seed)
    return decoder(
        cells[:, None] / 7.5 - 1.0, torch.randn(len(images), 1, generator=torch.Generator().manual_seed(seed))
    )


def per_image(a, b):
    return float((a - b).flatten(1).double().square().sum(1).mean())


def test_lloyd_is_a_fixed_point(digits, lloyd, cells, mean):
    table = oracle.centroids(digits.train, cells, 16)
    assert torch.allclose(table[cells], mean, atol=1e-6)
    distances = torch.cdist(digits.train.flatten(1), table.flatten(1))
    assert torch.equal(distances.argmin(1), cells)
    assert lloyd.bits == 4.0


def test_fewer_different_images_than_cells_are_told(digits):
    images = digits.train[:3].repeat(10, 1, 1, 1)
    assert len(oracle.lloyd(images, 1, seed=0).decoder.net.table) == 2
    with pytest.raises(InvalidInput, match="at most the number of different images, 3"):
        oracle.lloyd(images, 2, seed=0)


def test_permuting_inside_cells_moves_images_only_inside_their_cell(digits, cells):
    moved = permute(digits.train, cells, seed=3)
    for cell in range(16):
        before, after = digits.train[cells == cell].flatten(1), moved[cells == cell].flatten(1)
        assert sorted(map(tuple, before.tolist())) == sorted(map(tuple, after.tolist()))
    assert not torch.equal(moved, digits.train)


def test_every_encoder_has_twice_the_distortion_at_perfect_perception(digits, mean, cells):
    d = per_image(digits.train, mean)
    draws = [per_image(digits.train, permute(digits.train, cells, seed=s)) / d for s in range(10)]
    assert sum(draws) / 10 == pytest.approx(2.0, abs=0.015)  # one draw spreads by 0.016


def test_interpolation_obeys_both_laws_of_the_best_encoder(digits, mean, cells):
    d, sample = per_image(digits.train, mean), permute(digits.train, cells, seed=0)
    for alpha in (0.0, 0.5, 1.0):
        output = alpha * mean + (1.0 - alpha) * sample
        assert per_image(digits.train, output) / d == pytest.approx(1 + (1 - alpha) ** 2, abs=0.06)
        assert oracle.paired_w2(digits.train, output) / d == pytest.approx(alpha**2, abs=0.002)


def test_another_encoder_has_perception_below_its_distortion(digits):
    """The second law needs the best encoder; for other cells W2 squared is strictly below D_d."""
    points = digits.train[:600]
    cells = (points[:, 0, 3:5].sum((1, 2)) > 1.7).long() + 2 * (points[:, 0, :, 2].sum(1) > 2.0).long()
    mean = oracle.centroids(points, cells, 4)[cells]
    assert oracle.paired_w2(points, mean) < 0.999 * per_image(points, mean)


def test_redrawn_images_come_from_the_cell_and_none_twice_before_all_were_there(digits, lloyd, cells, rng):
    decoder = oracle.Redraw(digits.train, cells, 2, seed=1)
    received = lloyd.send(digits.train, rng).received
    drawn = decoder(received[:400], torch.randn(400, 1, generator=rng))
    where = {tuple(image): int(cell) for image, cell in zip(digits.train.flatten(1).tolist(), cells, strict=True)}
    assert [where[tuple(image)] for image in drawn.flatten(1).tolist()] == cells[:400].tolist()
    assert len(drawn.flatten(1).unique(dim=0)) == 400
    other = decoder(received[:400], torch.randn(400, 1, generator=rng))
    assert not torch.equal(drawn, other)


def test_a_code_without_images_has_all_of_them(digits, cells, rng):
    few = digits.train[cells != 3]
    decoder = oracle.Redraw(few, cells[cells != 3], 2, seed=1)
    missing = torch.tensor([[1.0, 1.0, -1.0, -1.0]]).expand(1400, -1)  # the digits of 3, the lowest first
    drawn = decoder(missing, torch.randn(1400, 1, generator=rng)).flatten(1)
    assert len(drawn.unique(dim=0)) == min(1400, len(few))


def test_assignment_against_the_sorted_distance(rng):
    x, y = torch.randn(2, 50, 1, generator=rng)
    flat = [torch.cat([sample, torch.zeros_like(sample)], 1) for sample in (x, y)]
    assert oracle.paired_w2(*flat) == pytest.approx(oracle.paired_w2(x, y), rel=1e-12)
    assert oracle.paired_w2(x, y) == pytest.approx(
        float((x.sort(0).values - y.sort(0).values).square().mean()), rel=1e-5
    )


def test_the_decomposition_holds_for_markov_outputs_and_fails_for_others(digits, cells):
    sample = permute(digits.train, cells, seed=2)
    assert oracle.markov_parts(digits.train, sample, cells)["excess"] == pytest.approx(0.0, abs=0.02)
    copied = oracle.markov_parts(digits.train, digits.train, cells)
    assert copied["total"] == 0.0
    assert copied["source"] > 1.0


def test_a_table_is_the_best_decoder_of_a_trained_encoder(digits, rng):
    codec = fit_codec(
        digits.train, Perceptron(2, side=8, width=0.25), DeterministicQuantiser(3), MeanSquaredError(), steps=60, seed=0
    )
    best = oracle.tabled(codec, digits.train)
    sent = codec.send(digits.train, rng)
    table, own = (per_image(decoder(sent.received, rng), digits.train) for decoder in (best.decoder, codec.decoder))
    assert table <= own
    cells = oracle.centroids(digits.train, sent.cells, 9)[sent.cells]
    assert torch.allclose(best.decoder(sent.received, rng), cells, atol=1e-6)


def test_more_cells_than_images_are_refused(digits):
    with pytest.raises(InvalidInput, match="bits"):
        oracle.lloyd(digits.train[:10], 4, seed=0)
