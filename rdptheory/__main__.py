"""`python -m rdptheory`."""

from rdptheory.cli import main

if __name__ == "__main__":
    main()
