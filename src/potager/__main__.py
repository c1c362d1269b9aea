"""`python -m potager` is `potager`."""

from potager.cli.main import main

if __name__ == "__main__":
    main()
