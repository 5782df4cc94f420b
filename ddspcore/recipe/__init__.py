"""Recipes: read with `extends` and `--set`, structured strictly, written back resolved."""
