"""Methods: each hands a dual point and a channel of a `DiscreteProblem` to the judge, who turns them into a bracket."""
