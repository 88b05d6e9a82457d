"""Methods: each takes a discrete problem and returns a dual point and a channel, which the judge turns into bounds."""
