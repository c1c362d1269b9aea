"""The pages: a module each for those that no description makes, with its `ROUTES`."""
