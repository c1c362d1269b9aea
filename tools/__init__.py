"""What makes and checks this repository's generated pages."""
