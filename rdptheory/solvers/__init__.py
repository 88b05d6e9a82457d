"""Methods: each takes a question as arrays and returns a proved answer."""
