#!/usr/bin/env bash
# Our recipes in the blob world, three seeds. RECIPE=unclipped runs the one where nothing is lost at an edge.
# Figures that begin with article/ are the article's own protocol, the others ours: never compare one with the other.
set -euo pipefail
recipe=${RECIPE:-default} out=${OUT:-out}
for seed in 0 1 2; do
  softaxes toy train --recipe "$recipe" --seed $seed --out "$out/$recipe-$seed"
  softaxes toy report "$out/$recipe-$seed"
done
figures=cross_cos,same_cos,opposite_cos,opening_angle.pitch,opening_angle.time
figures+=,cross_cos.unclipped,same_cos.unclipped,opposite_cos.unclipped,axis_agreement.pitch.unclipped,axis_agreement.time.unclipped
figures+=,additivity.pitch.unclipped,additivity.time.unclipped,content_recall,content_recall.unclipped,effective_rank,ridge_r2,decoder_r2
for figure in cross_cos same_cos opposite_cos opening_angle.pitch opening_angle.time; do
  figures+=,article/same_protocol/$figure
done
python "$(dirname "$0")/table.py" "$figures" "$out/$recipe"-{0,1,2}
