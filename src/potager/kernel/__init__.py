"""What every room stands on: names, ARNs, clock, ids, errors, reconciliation. Standard library only."""
