import pytest
import torch

from neural.coders import BlauMichaeli, Classifier, Liu, Perceptron, UNet, Yan, Zhang
from rdptheory.errors import InvalidInput

FAMILY = [
    Perceptron(3, side=8),
    BlauMichaeli(3, width=0.1),
    Liu(5, width=0.1),
    Zhang(10, width=0.05),
    Yan(4, width=0.1),
    UNet(64, side=8, width=0.1),
    UNet(192, planes=3, side=8, width=0.1),
]


def size(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    "module,count",
    [
        (lambda: torch.nn.ModuleList([Yan(4).encoder(), Yan(4).decoder()]), 1_840_645),
        (lambda: Yan(4).decoder(96), 369_825),
        (lambda: Yan(4).critic(4), 189_681),
        (lambda: BlauMichaeli(3).encoder(), 585_097),
        (lambda: BlauMichaeli(3).decoder(), 326_465),
        (lambda: BlauMichaeli(3).critic(), 1_030_145),
    ],
)
def test_parameter_counts_are_the_published_networks(module, count):
    assert size(module()) == count


@pytest.mark.parametrize("coder", FAMILY, ids=repr)
def test_shapes_and_that_every_input_matters(coder, rng):
    images = torch.rand(3, coder.planes, coder.side, coder.side, generator=rng)
    features = coder.encoder().eval()(images).detach()
    assert features.shape == (3, coder.latent)
    assert float(features.abs().max()) <= 1.0
    for noise in (0, coder.private):
        received = (torch.rand(3, coder.latent, generator=rng)).requires_grad_()
        private = torch.randn(3, noise, generator=rng, requires_grad=True)
        output = coder.decoder(noise).eval()(received, private)
        assert output.shape == images.shape
        output.square().sum().backward()
        assert received.grad.abs().sum() > 0
        assert noise == 0 or private.grad.abs().sum() > 0


@pytest.mark.parametrize("coder", FAMILY, ids=repr)
def test_a_conditional_critic_sees_the_code_and_an_unconditional_one_does_not(coder, rng):
    images = torch.rand(4, coder.planes, coder.side, coder.side, generator=rng)
    first, second = torch.randn(2, 4, coder.latent, generator=rng)
    seeing, blind = coder.critic(coder.latent), coder.critic()
    assert seeing(images, first).shape == (4,)
    assert not torch.equal(seeing(images, first), seeing(images, second))
    assert torch.equal(blind(images, first), blind(images, None))


def interaction(critic, coder, rng):
    """How much of J(x,z) - J(y,z) depends on z: its spread over codes beside its spread over pairs of images."""
    images = torch.rand(2, 32, coder.planes, coder.side, coder.side, generator=rng)
    codes = torch.rand(16, coder.latent, generator=rng) * 2.0 - 1.0
    with torch.no_grad():
        values = [critic(images[0], z.expand(32, -1)) - critic(images[1], z.expand(32, -1)) for z in codes]
    values = torch.stack(values)
    return float(values.std(0).mean() / values.std(1).mean())


@pytest.mark.parametrize("coder", FAMILY, ids=repr)
def test_how_a_conditional_critic_ranks_images_depends_on_the_code(coder, rng):
    assert interaction(coder.critic(coder.latent), coder, rng) > 0.02  # a separable one has rounding only, below 1e-4


def test_a_separable_critic_is_caught(rng):
    coder = FAMILY[1]
    image, code = coder.critic(), torch.nn.Linear(coder.latent, 1)

    def separable(images, codes):
        return image(images, None) + code(codes).squeeze(1)

    assert interaction(separable, coder, rng) < 1e-4


def test_width_scales_the_hidden_layers():
    assert size(BlauMichaeli(3, width=0.5).decoder()) < 0.35 * size(BlauMichaeli(3).decoder())


def test_an_untrained_unet_output_depends_on_its_noise_plane(rng):
    net = UNet(64, side=8).decoder(64)
    image = torch.rand(2, 64, generator=rng)
    first, second = (net(image, torch.randn(2, 64, generator=rng)) for _ in range(2))
    assert not torch.allclose(first, second, atol=1e-6)  # of float32, beyond rounding


def heard(net, rng):
    """How much of white noise, as an image, the last but one layer of a U-Net tells apart."""
    seen = []
    net.last.register_forward_hook(lambda module, given, made: seen.append(made.detach()))
    with torch.no_grad():
        net(torch.randn(64, 64, generator=rng), torch.empty(64, 0))
    return float(seen[0].std(0).mean())


@pytest.mark.parametrize("width", [0.25, 1.0])
def test_a_fresh_unet_hands_on_what_it_sees(width, rng):
    net = UNet(64, width, side=8).decoder()
    assert 0.2 < heard(net, rng) < 2.0
    for layer in net.modules():
        if isinstance(layer, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            layer.reset_parameters()  # as torch starts: little is left behind twelve layers
    assert heard(net, rng) < 0.05


def test_the_classifier_has_the_two_layers_that_are_used(rng):
    net = Classifier().eval()
    images = torch.rand(2, 1, 28, 28, generator=rng)
    assert net.perceive(images).shape == (2, 20, 4, 4)
    assert net.embed(images).shape == (2, 50)
    assert net(images).shape == (2, 10)


@pytest.mark.parametrize(
    "build",
    [
        lambda: Perceptron(0),
        lambda: Perceptron(2, width=0.0),
        lambda: BlauMichaeli(2, side=32).encoder(),
        lambda: Yan(2, side=28).decoder(),
        lambda: UNet(64, side=28).decoder(),
    ],
)
def test_shapes_that_do_not_fit_are_refused(build):
    with pytest.raises(InvalidInput):
        build()
