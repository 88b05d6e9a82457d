"""Methods: each takes a `DiscreteProblem` and returns a dual point and a channel, which the judge turns into a bracket."""
