"""Methods of entropy-constrained transport [LZCK22]: they look for plans and prices, the judge says what is proved."""
