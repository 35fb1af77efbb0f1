#!/usr/bin/env bash
# Sets everything up, squeezes a real adapter with the real service and prints the result. See --help.
set -euo pipefail
cd "$(dirname "$0")"
. scripts/setup.sh

usage() {
  cat <<'TEXT'
Usage: ./quickstart.sh [--keep]

Installs what is missing (npm packages; a Redis server through apt-get when root), builds, starts LoRA-Squeeze
on a free port, squeezes the adapter in examples/adapters/ to several targets and prints a table of the results.
The squeezed adapters and the report are left in data/quickstart/out. Running it again is harmless.

  --keep   leave the service running afterwards, and say how to use and stop it
  --help   this text

PORT chooses the port (default: 8080 when it is free, else any free one).
TEXT
}

keep=false
for argument in "$@"; do
  case $argument in
    --keep) keep=true ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
done

home=$PWD/data/quickstart
log=$home/service.log
record=$home/service.env # which service holds the data folder, and whether --keep left it there
pid=
started=false

stop_service() {
  kill "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  pid=
}

finish() {
  status=$?
  trap - EXIT INT TERM
  if $started && [ "$status" -ne 0 ] && [ "$status" -lt 128 ]; then
    say "" "The last lines of the service's log ($log):"
    tail -n 40 "$log" >&2 || true
  fi
  if $started && { ! $keep || [ "$status" -ne 0 ]; }; then stop_service; rm -f "$record"; fi
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

free_port() {
  node -e '
    const { createServer } = require("node:net");
    const tryPort = (port, otherwise) =>
      createServer().on("error", otherwise).listen(port, "127.0.0.1", function () {
        console.log(this.address().port);
        this.close();
      });
    tryPort(8080, () => tryPort(0, (error) => { throw error; }));'
}

is_ready() {
  node -e '
    fetch(process.argv[1] + "/readyz")
      .then((answer) => answer.json())
      .then(({ status }) => process.exit(status === "ready" ? 0 : 1), () => process.exit(1))' "$1"
}

write_record() { printf 'running_pid=%s\nrunning_url=%s\nkept=%s\n' "$pid" "$url" "$1" >"$record"; }

# Two services must not share the data folder: use the one that an earlier --keep left behind.
find_kept_service() {
  [ -e "$record" ] || return 1
  # shellcheck disable=SC1090
  . "$record"
  kill -0 "$running_pid" 2>/dev/null && is_ready "$running_url" || return 1
  $kept || fail "Another quickstart.sh is at work here (its service is process $running_pid): wait for it to end."
  pid=$running_pid url=$running_url
}

start_service() {
  port=${PORT:-$(free_port)}
  url=http://127.0.0.1:$port
  say "Starting the service on $url …"
  # What `npm start` runs, without npm between us and its signals.
  env -u REDIS_URL -u STORAGE_URL ROLE=all HOST=127.0.0.1 PORT="$port" DATA_DIR="$home/state" \
    nohup node dist/main.js >"$log" 2>&1 </dev/null &
  pid=$! started=true
  write_record false
  for _ in $(seq 150); do
    kill -0 "$pid" 2>/dev/null || fail "The service ended before it was ready."
    if is_ready "$url"; then return; fi
    sleep 0.2
  done
  fail "The service did not become ready."
}

need_node
need_redis
need_packages
need_build
mkdir -p "$home"
if find_kept_service; then
  say "Using the service that is already running on $url (pid $pid)."
  keep=true
else
  start_service
fi

node examples/quickstart.mjs "$url" examples/adapters/gpt2-lora-r8 "$home/out"

echo
if $keep; then
  write_record true
  cat <<TEXT
The service is still running.
  Page       $url (drop an adapter of your own there)
  API page   $url/docs
  Metrics    $url/metrics
  Contract   $url/openapi.yaml
  Log        $log
  Stop it    kill $pid
TEXT
else
  cat <<TEXT
What to do next:
  Squeeze an adapter of yours   node dist/cli/main.js squeeze FOLDER --rank 4 --out SMALL
  See it on the page            ./quickstart.sh --keep
  Start the service             npm start
  Use it over REST              docs/api.md
TEXT
fi
