#!/usr/bin/env bash
# The shipped models of piano rolls: two textures, three seeds; about a quarter of an hour of one core each, and their reports.
# DATA names a POP909 folder; runs/ship.py puts a run among the models of the package.
set -euo pipefail
out=${OUT:-out} data=${DATA:?folder of POP909}
shared="--corpus pop909 --encoder aligned --batch 96 --squared-error 0.05 --temperature 8 --canonicalization 0.2"
shared+=" --precision bf16-mixed --threads 1"
for seed in 0 1 2; do
  softaxes train $shared --folder "$data" --texture melody --low 12 --high 24 --width 384 --steps 4500 --learning-rate 2e-3 \
    --infonce 3 --spread 3 --decorrelation 3 --notes 2 --latent-noise 0.05 --content-orthogonality 30 --semitone 0.35 \
    --seed $seed --out "$out/pop909-melody-$seed"
  softaxes train $shared --folder "$data" --texture full --low 4 --high 52 --width 256 --steps 4000 --learning-rate 1e-3 \
    --infonce 3 --spread 3 --notes 1 --content-orthogonality 30 --seed $seed --out "$out/pop909-full-$seed"
  for texture in melody full; do softaxes report "$out/pop909-$texture-$seed" --windows 1500; done
done
figures=
for figure in same_cos opposite_cos cross_cos relative_error.pitch coordinate_r2.pitch own_shift.pitch phase_cos.metre phase_cos.beat \
  relative_error.metre hit_at_1.metre effective_rank content_recall; do
  figures+=running/$figure,
done
for figure in hit_at_1 hit_at_5 hit_at_1_no_operator hit_at_1_random_direction hit_at_1_with_query; do figures+="joint/$figure.pitch and metre,"; done
figures+="extrapolation/own_shift.pitch 13..18,isolated/coordinate_r2.time"
for figure in note_f1 "note_f1.within a step" frame_f1; do figures+=",reconstruction/$figure"; done
for method in steered ceiling "no change"; do figures+=",edits/pitch/$method/note_f1.pitch,edits/metre/$method/note_f1.metre"; done
figures+=",edits/pitch/steered/transposition.pitch"
for where in latents "in its own register" roll; do
  for probe in category.key category.root ridge_r2.chroma ridge_r2.density; do figures+=",probes/$where/$probe"; done
done
for texture in melody full; do
  echo "== $texture"
  python "$(dirname "$0")/table.py" "$figures" "$out/pop909-$texture"-{0,1,2}
done
