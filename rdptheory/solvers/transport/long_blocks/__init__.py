"""Rate-limited transport over long blocks, where a rate is a mutual information [LZCK22, SLY15]."""

from rdptheory.solvers.transport.long_blocks.entropic import EntropicTransport
from rdptheory.solvers.transport.long_blocks.line_pairs import LinePairs
from rdptheory.solvers.transport.long_blocks.posteriors import PosteriorPairs

__all__ = ["EntropicTransport", "LinePairs", "PosteriorPairs"]
