#!/usr/bin/env bash
# backup.sh DIRECTORY: copies the system of docker-compose.yml while it runs: states of runs, then the database, then the checkpoints.
# What a row of the database names was complete before the row was written and never changes, so this order makes the parts fit together.
# COMPOSE="docker-compose -p NAME" names another command or project.
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: $0 DIRECTORY" >&2; exit 2; }
target=${1%/}
[ ! -e "$target" ] || { echo "$target is there already: nothing is overwritten." >&2; exit 1; }
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
case $target in /*) ;; *) target=$OLDPWD/$target ;; esac
read -ra compose <<<"${COMPOSE:-docker compose}"

# Labels and the keys of cookies are in it.
umask 077
beside=$target.partial
mkdir -p "$(dirname "$target")"
mkdir "$beside"
trap 'rm -rf "$beside"' EXIT

in_container() { "${compose[@]}" exec -T "$@"; }

# The system goes on meanwhile: states are replaced, files come and go beside the checkpoints, and tar then says "file removed" or "file changed"
# and ends with 1. States and checkpoints have checksums of their own: a half one is never used.
pack() { # FOLDER
  in_container trainer tar --exclude='.*' -C /data -c "$1" || [ $? -eq 1 ]
}

pack runs >"$beside/runs.tar"
in_container postgres pg_dump -U rlhf -d rlhf --format=custom >"$beside/database.dump"
pack checkpoints >"$beside/checkpoints.tar"
in_container web tar -C /data -c keys >"$beside/keys.tar"

(cd "$beside" && sha256sum database.dump runs.tar checkpoints.tar keys.tar >SHA256SUMS)
mv "$beside" "$target"
du -sh "$target"
