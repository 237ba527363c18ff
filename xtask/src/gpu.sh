#!/bin/sh
# Runs every launch file under cases/ on a GPU, compares it with what is expected and with the
# simulator, and times the attention kernels. Needs the NVIDIA driver and nothing else.
#
#   DEVICE  the GPU, or sim to rehearse     (cuda:0)
#   LIMIT   seconds that one step may take  (120)
#   TOTAL   seconds that all may take       (1500)
set -u
cd "$(dirname "$0")" || exit 2
device=${DEVICE:-cuda:0}
limit=${LIMIT:-120}
total=${TOTAL:-1500}
start=$(date +%s)
passed=0
failed=0
skipped=0
mkdir -p out || exit 2

step() { # step NAME COMMAND...: runs the command within the limit, its output to out/NAME.txt
    name=$1
    shift
    timeout "$limit" "$@" >"out/$name.txt" 2>&1
}

fail() { # fail CASE NAME: reports the step that failed, and what it said
    failed=$((failed + 1))
    echo "FAILED $1 ($2)"
    sed 's/^/    /' "out/$2.txt"
}

skip() { # skip CASE REASON
    skipped=$((skipped + 1))
    echo "skipped $1: $2"
}

./ptxsim --version || exit 2
if ! command -v timeout >/dev/null; then
    echo "error: no program 'timeout' here; it is part of coreutils" >&2
    exit 2
fi

for folder in cases/*/; do
    case=$(basename "$folder")
    if [ $(($(date +%s) - start)) -ge "$total" ]; then
        failed=$((failed + 1))
        echo "FAILED $case (not run: $total s are over)"
        continue
    fi
    launch="cases/$case/launch.json"
    case $device.$case in
    sim.*-time-*)
        skip "$case" "the simulator has no clock"
        continue
        ;;
    esac
    if ! step "$case.gpu" ./ptxsim run "$launch" --device "$device" --out "out/$case.gpu"; then
        # Code for another architecture is not for this GPU; what the simulator lacks, it names.
        reason=$(grep -h -o -e 'has compute capability .*' -e 'the simulator does not execute .*' "out/$case.gpu.txt" | head -n 1)
        if [ -n "$reason" ]; then
            skip "$case" "$reason"
        else
            fail "$case" "$case.gpu"
        fi
        continue
    fi
    case $case in
    *-time-*)
        if ! step "$case.time" ./ptxsim run "$launch" --device "$device" --time 30; then
            fail "$case" "$case.time"
            continue
        fi
        echo "passed $case: $(grep ' ms, ' "out/$case.time.txt")"
        ;;
    *)
        if ! step "$case.sim" ./ptxsim run "$launch" --device sim --out "out/$case.sim"; then
            fail "$case" "$case.sim"
            continue
        fi
        if ! step "$case.diff" ./ptxsim diff "$launch" "out/$case.sim" "out/$case.gpu"; then
            fail "$case" "$case.diff"
            continue
        fi
        echo "passed $case: $(tr '\n' ' ' <"out/$case.diff.txt")"
        ;;
    esac
    passed=$((passed + 1))
done
echo "$passed passed, $failed failed, $skipped not for $device"
[ "$failed" -eq 0 ]
