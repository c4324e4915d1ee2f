"""Annotated music: BPS-Motif and JKU-PDD as note lists with the occurrences that musicians marked."""
