#!/usr/bin/env bash
# Checks the models under loom, and then that each of them has teeth: with one thing left out, it must fail.
# A minute or two once built; prints the executions of every model.
#
#   loom-tests/run.sh [FILTER]     only the models whose name contains FILTER, and no twins
set -euo pipefail
cd "$(dirname "$0")/.."
unset RUSTFLAGS # would replace the cfgs that the alias sets

cargo loom --no-run
binary=$(cargo loom --color never --no-run 2>&1 | sed -n 's/^ *Executable .*(\(.*\))$/\1/p')
models=$("$binary" --list --format terse | sed -n 's/: test$//p' | grep models:: | grep -e "${1:-}")

# Each in a process of its own: a model that fails often aborts, and would take the others along. The outer redirection keeps
# the shell from reporting that.
run() { { "$binary" --exact "$1" --nocapture >"$output" 2>&1; } 2>/dev/null; }

output=$(mktemp)
trap 'rm -f "$output"' EXIT

passed=0 total=0
for model in $models; do
  total=$((total + 1))
  if run "$model"; then
    grep '^MODEL' "$output"
    passed=$((passed + 1))
  else
    cat "$output"
    echo "FAILED $model"
  fi
done
echo "$passed of $total models passed"
[ "$passed" = "$total" ]
[ $# = 0 ] || exit 0

# what is left out            the model that must notice
twins='
check_then_add                two_classes_never_over_admit
release                       a_permit_hands_over_what_was_done_under_it
given_back                    drained_means_that_everything_admitted_has_ended
pass_on                       what_another_found_in_the_trays_is_visible
admitted                      nobody_is_refused_while_there_is_room
recheck                       nobody_is_refused_while_there_is_room
publish                       a_reader_sees_old_or_new_and_nothing_freed
reclaim                       a_reader_sees_old_or_new_and_nothing_freed
publish                       a_snapshot_is_whole_for_as_long_as_it_is_held
reclaim                       a_snapshot_is_whole_for_as_long_as_it_is_held
announce                      a_hand_over_wakes_the_sleeper
sleep                         a_hand_over_wakes_the_sleeper
end_spin                      a_spinner_that_stops_leaves_no_work_unseen
wake                          stop_runs_or_hands_back_every_job
forward                       a_leaving_worker_passes_its_wake_up_on
close                         closing_overlooks_nothing
orders                        a_worker_that_is_sent_serves_where_it_is_sent_to
forward                       a_worker_that_is_sent_away_strands_no_job
signal_wake                   a_call_wakes_the_driver
signal_look                   a_pending_call_hides_no_later_one
signal_call                   two_callers_are_both_heard
signal_call                   a_call_hands_over_what_was_made
signal_take                   two_callers_are_both_heard
signal_take                   a_call_hands_over_what_was_made
take_late                     no_arrival_is_overlooked
take_late                     drain_strands_nothing
dry                           no_arrival_is_overlooked
hunger                        no_arrival_is_overlooked
mode_late                     stop_settles_or_gives_back_every_item
slots                         stop_settles_or_gives_back_every_item
free_slot                     stop_settles_or_gives_back_every_item
settle_early                  stop_settles_or_gives_back_every_item
report_twice                  two_workers_report_at_once
finish                        a_permit_that_is_refused_is_asked_for_again
not_run                       what_a_closing_pool_hands_back_is_given_back
confirmation                  what_fails_is_tried_again
answer_late                   what_the_clerk_hears_reaches_the_driver
'
caught=0 total=0
while read -r weakness name; do
  [ -n "$weakness" ] || continue
  total=$((total + 1))
  if ! model=$(grep "::$name$" <<<"$models"); then
    echo "TWIN $weakness: there is no model $name"
  elif HEIJUNKA_WEAK=$weakness run "$model"; then
    echo "TWIN $weakness: NOT caught by $name"
  else
    echo "TWIN $weakness: caught by $name"
    caught=$((caught + 1))
  fi
done <<<"$twins"
echo "$caught of $total weakened twins caught"
[ "$caught" = "$total" ]
