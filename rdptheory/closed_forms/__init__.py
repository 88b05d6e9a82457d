"""What has a formula: numbers, vectorised, and sympy expressions."""

from rdptheory.closed_forms import transport_binary, transport_gaussian, transport_uniform

__all__ = ["transport_binary", "transport_gaussian", "transport_uniform"]
