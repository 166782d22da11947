#!/usr/bin/env bash
# The regression gate, as CI runs it on each change: fixed seeds, so that the same change gives the same verdict.
#
#   ci/gate.sh [SCENARIO…]      by default all of sims/
#
# Reports, and the judgement as gate.xml (JUnit), go to $STILLREADY_OUTPUT (stillready-reports). On GitHub it writes the step summary
# and annotations, too. The exit code is the gate's: 0 only where all checks pass.
set -euo pipefail

output=${STILLREADY_OUTPUT:-stillready-reports}
arguments=(--progress never --output "$output" --junit "$output/gate.xml")
if [ "${GITHUB_ACTIONS:-}" = true ]; then
  arguments+=(--github)
fi
exec stillready gate "${arguments[@]}" "$@"
