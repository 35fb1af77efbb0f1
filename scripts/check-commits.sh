#!/usr/bin/env bash
# Checks the messages of the commits since this file was added: `area: what changes` in 72 characters at most, then a
# body that says why. Merges are left out. Without the history in git, the script reports that and passes.
set -euo pipefail
cd "$(dirname "$0")/.."

first=$(git log --diff-filter=A --format=%H -- scripts/check-commits.sh 2>/dev/null | tail -n 1 || true)
if [ -z "$first" ]; then
  echo "The history is not here, so no commit message was checked." >&2
  exit 0
fi

wrong=0
for commit in $(git rev-list --no-merges "$first..HEAD"); do
  subject=$(git show -s --format=%s "$commit")
  fault=
  [ "${#subject}" -le 72 ] || fault="has ${#subject} characters, at most 72"
  [[ $subject =~ ^[a-z0-9][a-z0-9\ ,/.-]*:\ [^\ ] ]] || fault="is not of the form 'area: what changes'"
  [ -n "$(git show -s --format=%b "$commit")" ] || fault=${fault:-"is followed by no body that says why"}
  [ -z "$fault" ] && continue
  echo "${commit:0:9}: the subject \"$subject\" $fault." >&2
  wrong=1
done
exit "$wrong"
