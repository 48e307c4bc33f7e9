# Read in by start and test. Goes to the checkout, finds or installs the Bun that package.json pins, and installs the
# dependencies. Leaves the path of Bun in $bun. Works without a network once everything is there, and writes only below
# the checkout (and npm's own cache).

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P) || exit 1
cd "$root" || exit 1

wanted=$(sed -n 's/^ *"bun": *"\([0-9][0-9.]*\)".*/\1/p' package.json | head -n 1)
own=$root/.cache/bun

is_wanted() {
  [ "$("$1" --version 2>/dev/null)" = "$wanted" ]
}

# The package's own installer is run by hand where npm was told not to run installers.
install_bun() {
  command -v npm >/dev/null 2>&1 || {
    echo "Bun $wanted is needed, and neither it nor npm was found. Install either and start again." >&2
    return 1
  }
  echo "Installing Bun $wanted into .cache/bun" >&2
  mkdir -p "$own" && echo '{"private":true}' >"$own/package.json" || return 1
  npm install --prefix "$own" --no-save --no-package-lock --no-audit --no-fund --no-update-notifier --loglevel=error "bun@$wanted" >&2 || return 1
  is_wanted "$own/node_modules/.bin/bun" || (cd "$own/node_modules/bun" && node install.js) >&2
}

if is_wanted bun; then
  bun=$(command -v bun)
else
  bun=$own/node_modules/.bin/bun
  is_wanted "$bun" || install_bun || exit 1
  is_wanted "$bun" || {
    echo "Bun $wanted was installed into .cache/bun but does not run here." >&2
    exit 1
  }
  PATH=$own/node_modules/.bin:$PATH
  export PATH
fi

: "${BUN_INSTALL_CACHE_DIR:=$root/.cache/packages}"
: "${BUN_RUNTIME_TRANSPILER_CACHE_PATH:=$root/.cache/transpiled}"
export BUN_INSTALL_CACHE_DIR BUN_RUNTIME_TRANSPILER_CACHE_PATH

# Told to be silent it still says what went wrong.
"$bun" install --frozen-lockfile --silent >&2 || {
  echo "The dependencies could not be installed." >&2
  exit 1
}
