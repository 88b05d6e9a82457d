"""`python -m neural`."""

from neural.cli import main

main()
