#!/bin/sh
# Lints the workflows of a folder as strictly as the linters can: sh tests/lint.sh FOLDER
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
bin="$root/.venv/bin"
cd "$1"
"$bin/zizmor" --quiet --offline --persona auditor --strict-collection .github/workflows
"$bin/actionlint" -config-file "$root/tests/actionlint.yaml" .github/workflows/*.yml
"$bin/check-jsonschema" --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
echo "ok: zizmor, actionlint and GitHub's schema have nothing to say"
