"""Validators: the rules that a source's readings must keep."""
