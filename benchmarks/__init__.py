"""What the docs claim about speed and memory, measured: `make bench`. Nothing here is a test."""
