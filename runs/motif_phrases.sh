#!/usr/bin/env bash
# POP909's equal phrases by learned code, note overlap and chroma; both annotators; a minute of one core.
# usage: runs/motif_phrases.sh POP909 [MODEL...]
set -euo pipefail
folder=$1
shift
for model in "${@:-melody}"; do
  for annotator in 1 2; do
    echo "== $model, annotator $annotator"
    softaxes motifs phrases "$folder" --model "$model" --annotator $annotator
  done
done
