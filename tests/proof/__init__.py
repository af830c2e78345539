"""The dose arithmetic proved: the code itself, run on symbols instead of numbers (docs/explanations/proof.md)."""
