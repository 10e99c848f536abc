#!/usr/bin/env bash
# Checks the models under loom, and then that each of them has teeth: with one thing left out, it must fail.
# About a minute once built; prints the executions of every model.
#
#   loom-tests/run.sh [FILTER]     only the models whose name contains FILTER, and no twins
set -euo pipefail
cd "$(dirname "$0")/.."
unset RUSTFLAGS # would replace the cfgs that the alias sets

models() { cargo loom --no-fail-fast --no-capture "$@" 2>&1; }

if [ $# -gt 0 ]; then
  models "$@"
  exit
fi

models models:: | grep -E '^MODEL|^error|FAIL|panicked|Summary' || { echo "the models failed: see loom-tests/run.sh models::"; exit 1; }

# what is left out            the model that must notice
twins='
check_then_add                two_classes_never_over_admit
release                       a_permit_hands_over_what_was_done_under_it
drained                       drained_means_that_everything_admitted_has_ended
collect                       a_permit_hands_over_what_was_done_under_it
double_collect                permits_in_a_tray_are_neither_lost_nor_doubled
publish                       a_reader_sees_old_or_new_and_nothing_freed
reclaim                       a_reader_sees_old_or_new_and_nothing_freed
announce                      a_hand_over_wakes_the_sleeper
sleep                         a_hand_over_wakes_the_sleeper
end_spin                      a_spinner_that_stops_leaves_no_work_unseen
wake                          stop_runs_or_hands_back_every_job
forward                       a_leaving_worker_passes_its_wake_up_on
disconnect                    stop_runs_or_hands_back_every_job
'
caught=0 total=0
while read -r weakness model; do
  [ -n "$weakness" ] || continue
  total=$((total + 1))
  if HEIJUNKA_WEAK=$weakness models "$model" >/tmp/heijunka-twin.$$; then
    echo "TWIN $weakness: NOT caught by $model"
  elif grep -q '^error: could not compile' /tmp/heijunka-twin.$$; then
    cat /tmp/heijunka-twin.$$
    exit 1
  else
    echo "TWIN $weakness: caught by $model"
    caught=$((caught + 1))
  fi
done <<<"$twins"
rm -f /tmp/heijunka-twin.$$
echo "$caught of $total weakened twins caught"
[ "$caught" = "$total" ]
