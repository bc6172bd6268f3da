"""`python -m service` is `homelog`."""

from service.cli import main

# Worker processes import this file again.
if __name__ == "__main__":
    main()
