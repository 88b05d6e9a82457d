"""Programs over laws of a mean on a line: convex once they are restricted to atoms."""
