#!/usr/bin/env bash
# The regression gate, as CI runs it at night: a fresh seed, which is told, so that each night tries other uploads.
#
#   ci/nightly.sh [SCENARIO…]   by default all of sims/; STILLREADY_SEED=N repeats a night
#
# Each scenario that does not pass is written to $STILLREADY_OUTPUT/regressions with its seed: keep the folder as an artefact, put the
# file into sims/regressions/, and the night can be run again for ever.
set -euo pipefail

output=${STILLREADY_OUTPUT:-stillready-reports}
seed=${STILLREADY_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
echo "seed $seed; to repeat this night: STILLREADY_SEED=$seed ci/nightly.sh $*"
arguments=(--progress never --output "$output" --junit "$output/gate.xml" --seed "$seed" --regressions "$output/regressions")
if [ "${GITHUB_ACTIONS:-}" = true ]; then
  arguments+=(--github)
fi
exec stillready gate "${arguments[@]}" "$@"
