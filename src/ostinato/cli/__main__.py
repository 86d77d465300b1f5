"""python -m ostinato.cli: the command, where its name is not on the path."""

from . import main

if __name__ == "__main__":
    main()
