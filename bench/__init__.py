"""How fast Homelog is, as ratios: `make bench`."""
