#!/bin/sh
# A browser, a font with Hangul and pdftotext for the tests of the report's page: `make test` calls this before them.
# Installs what is missing where it is root on Debian or Ubuntu. Exit 0: all are there; 1: one is not, and the last line says what to do.

browsers="chromium chromium-browser google-chrome google-chrome-stable chrome microsoft-edge microsoft-edge-stable msedge"

missing() {
  found=""
  for browser in "${EXEC_ALGOS_BROWSER:-chromium}" $browsers; do
    if command -v "$browser" >/dev/null 2>&1; then found=$browser; break; fi
  done
  if [ -z "$found" ]; then printf 'chromium '; fi
  if ! command -v pdftotext >/dev/null 2>&1; then printf 'poppler-utils '; fi
  if [ -z "$(fc-list :lang=ko 2>/dev/null)" ]; then printf 'fonts-noto-cjk '; fi
}

packages=$(missing)
if [ -z "$packages" ]; then exit 0; fi

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing ${packages% } for the browser tests"
  export DEBIAN_FRONTEND=noninteractive
  log=$(mktemp)
  # shellcheck disable=SC2086 # a word each
  { apt-get update && apt-get install -y --no-install-recommends $packages fontconfig; } >"$log" 2>&1 || tail -n 3 "$log" >&2
  rm -f "$log"
  packages=$(missing)
  if [ -z "$packages" ]; then exit 0; fi
  why="apt-get could not install"
else
  why="not root on Debian, so nobody installed"
fi
echo "!!! BROWSER TESTS WILL BE SKIPPED OR INCOMPLETE: $why ${packages% }; do it by hand: apt-get install ${packages% }" >&2
exit 1
