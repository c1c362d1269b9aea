"""What every room stands on: names, ARNs, clock, ids, errors, digests, reconciliation. Imports no room."""
