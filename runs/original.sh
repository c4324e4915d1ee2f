#!/usr/bin/env bash
# The published experiment at full length, three seeds; each takes about 45 minutes on one core.
# RECIPE=original-jepa runs the one with LeJEPA. Figures that begin with article/ are the article's own protocol
# (RESULTS 1); the others are ours, on fresh triplets of the same law (RESULTS 2).
set -euo pipefail
recipe=${RECIPE:-original} out=${OUT:-out}
for seed in 0 1 2; do
  softaxes toy train --recipe "$recipe" --seed $seed --precision bf16-mixed --out "$out/$recipe-$seed"
  softaxes toy report "$out/$recipe-$seed" --n 10000
done
figures=
for figure in cross_cos same_cos opposite_cos opening_angle.pitch opening_angle.time difference_pca2 grid_first.pitch grid_first.time; do
  figures+=article/same_protocol/$figure,
done
for figure in cross_cos same_cos opposite_cos opening_angle.pitch opening_angle.time difference_pca2; do
  figures+=article/draws_of_500/$figure,
done
figures+=cross_cos.unclipped,same_cos.unclipped,opposite_cos.unclipped,axis_agreement.pitch.unclipped,axis_agreement.time.unclipped
figures+=,additivity.pitch.unclipped,additivity.time.unclipped,content_recall
python "$(dirname "$0")/table.py" "$figures" "$out/$recipe"-{0,1,2}
