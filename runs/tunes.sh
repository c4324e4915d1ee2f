#!/usr/bin/env bash
# Real tunes: three seeds (each its own split by song), judged on held-out tunes; about 4 minutes a seed on one core.
set -euo pipefail
out=${OUT:-out}
for seed in 0 1 2; do
  softaxes train --corpus tunes --steps 500 --seed $seed --precision bf16-mixed --out "$out/tunes-$seed"
  softaxes report "$out/tunes-$seed"
done
figures=running/same_cos,running/opposite_cos,running/cross_cos,running/coordinate_r2.pitch,running/coordinate_skill.pitch
figures+=,running/relative_error.pitch,running/hit_at_1.pitch,running/hit_at_1_no_operator.pitch,running/mrr.pitch,running/own_shift.pitch
figures+=,running/phase_cos.metre,running/hit_at_1.metre,running/own_shift.metre,running/effective_rank,running/content_recall,running/hit_at_1_random_direction.pitch
figures+=,reconstruction/note_f1
for method in steered ceiling "no change"; do figures+=",edits/pitch/$method/note_f1.pitch"; done
python "$(dirname "$0")/table.py" "$figures" "$out"/tunes-{0,1,2}
