"""The blob world: recipes (`config`), the terms of its loss (`losses`), and the task that joins them (`task`)."""
