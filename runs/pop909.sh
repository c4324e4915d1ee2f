#!/usr/bin/env bash
# The two shipped models, three seeds each, and the table of what they keep and find; half an hour of one core a seed.
# DATA names a folder that holds pop909/ and openscore/, BPS a copy of BPS-Motif (a zip or a folder);
# runs/ship.py puts a run among the models of the package.
set -euo pipefail
out=${OUT:-out} data=${DATA:?folder with pop909 and openscore in it} bps=${BPS:+--bps $BPS}
for texture in melody full; do
  for seed in 0 1 2; do
    softaxes train --corpus mixed --folder "$data" --texture $texture --precision bf16-mixed --threads 1 --seed $seed \
      --out "$out/$texture-$seed"
  done
  python "$(dirname "$0")/models_table.py" "$out/$texture"-{0,1,2} $bps --out "$out"
done
