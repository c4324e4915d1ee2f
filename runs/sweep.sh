#!/usr/bin/env bash
# What factorization costs in content: recipe default at six weights, three seeds, 400 steps each.
set -euo pipefail
out=${OUT:-out}
softaxes toy sweep --precision bf16-mixed --out "$out/sweep"
python "$(dirname "$0")/sweep_table.py" "$out/sweep"
