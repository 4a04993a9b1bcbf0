"""``python -m codling``: the command line, where its script is not on the path."""

from codling.cli import main

if __name__ == "__main__":
    main()
