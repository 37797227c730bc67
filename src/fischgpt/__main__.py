"""`python -m fischgpt`: the same commands, also under torchrun."""

from fischgpt.cli import main

main()
