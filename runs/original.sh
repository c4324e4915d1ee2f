#!/usr/bin/env bash
# The published experiment at full length, three seeds; each takes about 45 minutes on one core.
# RECIPE=original-jepa runs the one with LeJEPA.
set -euo pipefail
recipe=${RECIPE:-original} out=${OUT:-out}
for seed in 0 1 2; do
  softaxes toy train --recipe "$recipe" --seed $seed --precision bf16-mixed --out "$out/$recipe-$seed"
  softaxes toy report "$out/$recipe-$seed"
done
python "$(dirname "$0")/table.py" \
  cross_cos,same_cos,opposite_cos,opening_angle.pitch,opening_angle.time,difference_pca2,axis_agreement.pitch,axis_agreement.time \
  "$out/$recipe"-{0,1,2}
