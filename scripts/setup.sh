# Set-up steps shared by quickstart.sh and run-tests.sh. Source this file from the repository root.
# Each step does nothing when its work is already done.

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# Runs a command and shows its last lines only if it fails.
quietly() {
  local log status=0
  log=$(mktemp "${TMPDIR:-/tmp}/lora-squeeze-setup.XXXXXX")
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if [ "$status" -ne 0 ]; then
    say "" "This failed with exit code $status: $*" "Its last lines (all of them are in $log):"
    tail -n 40 "$log" >&2
    return "$status"
  fi
  rm -f "$log"
}

# Node 20.19 is the first 20 that can require() ES modules, which Fastify's dependencies need.
need_node() {
  command -v node >/dev/null 2>&1 || fail "Node.js is missing: install Node 20.19 or newer (https://nodejs.org) and run this again."
  node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' ||
    fail "Node $(node -v) is too old: install Node 20.19 or newer (https://nodejs.org) and run this again."
  command -v npm >/dev/null 2>&1 || fail "npm is missing: install it (Debian and Ubuntu: apt-get install npm) and run this again."
}

# apt-get that asks nothing and waits while another one holds the lock.
quiet_apt_get() {
  quietly env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}

# The lists' lock is not covered by DPkg::Lock::Timeout. Old lists may still suffice, so a failure does not stop the script.
update_package_lists() {
  for _ in 1 2 3; do
    quiet_apt_get update && return
    sleep 5
  done
  say "The package lists could not be updated; going on with those that are here."
}

has_redis() { command -v valkey-server >/dev/null 2>&1 || command -v redis-server >/dev/null 2>&1; }

# The service starts a private server itself; all it needs is the program.
need_redis() {
  if has_redis; then return; fi
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    fail "Neither valkey-server nor redis-server is on PATH: install one (Debian and Ubuntu: sudo apt-get install redis-server) and run this again."
  fi
  say "Installing a Redis server with apt-get …"
  update_package_lists
  quiet_apt_get install --no-install-recommends redis-server ||
    fail "apt-get could not install redis-server: install redis-server or valkey-server by hand and run this again."
  has_redis || fail "redis-server was installed but is not on PATH: add its folder to PATH and run this again."
}

need_packages() {
  if [ node_modules/.package-lock.json -nt package-lock.json ]; then return; fi
  say "Installing npm packages …"
  quietly npm ci --no-audit --no-fund --loglevel=error || fail "The npm packages could not be installed."
  touch node_modules/.package-lock.json
}

need_build() {
  if [ -e dist/main.js ] && [ -z "$(find src web package-lock.json vite.config.ts -newer dist/main.js -print | head -n 1)" ]; then
    return
  fi
  say "Building …"
  rm -rf dist
  quietly npm run --silent build || fail "The build failed."
}
