"""Rate-limited transport over long blocks, where a rate is a mutual information [LZCK22, Theorems 5 and 7]."""

from rdptheory.solvers.transport.long_blocks.entropic import EntropicTransport
from rdptheory.solvers.transport.long_blocks.posteriors import PosteriorPairs

__all__ = ["EntropicTransport", "PosteriorPairs"]
