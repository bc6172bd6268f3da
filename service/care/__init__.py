"""Care: what was done for plants, undoing it, what is due beside water, and how plants grow."""
