"""`python -m hearthside.cli`."""

from hearthside.cli import main

main()
