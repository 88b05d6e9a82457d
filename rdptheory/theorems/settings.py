"""The settings in which statements are made, and a unit of their margins, as the catalogue says them."""

INFORMATION = "information function"  # [BM19], [ZQCK21]
REPRESENTATION = "information, a fixed representation, reconstructions anywhere"  # [ZQCK21]
ONE_SHOT = "one letter, unlimited common randomness, prefix code, bits"  # [ZQCK21]
BLOCKS = "long blocks, common randomness"  # [ZQCK21]
PRIVATE = "no common randomness, random encoder and decoder, block law, reconstructions anywhere"  # [YWYML21]
ONE_PRIVATE = "one letter, H(Z) <= R, no common randomness"  # [LZCK22], as the next three
ONE_COMMON = "one letter, H(Y|U) <= R, common randomness U"
LONG_PRIVATE = "long blocks, I(X;Z), I(Y;Z) <= R, no common randomness"
LONG_COMMON = "long blocks, I(X;Y) <= R, common randomness"
SQUARE = "squared units of X"  # of a margin that is a distortion
