"""`python -m app` is `laurel`."""

from app.cli import main

main()
