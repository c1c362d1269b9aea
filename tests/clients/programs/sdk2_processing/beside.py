title = "claims"
