#!/usr/bin/env bash
# restore.sh DIRECTORY: puts a backup of backup.sh into the empty volumes of docker-compose.yml and leaves the services stopped.
# Everything is verified first; a system that has any data is not touched. COMPOSE as for backup.sh.
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: $0 DIRECTORY" >&2; exit 2; }
source=$(cd "$1" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
read -ra compose <<<"${COMPOSE:-docker compose}"

(cd "$source" && sha256sum --check --quiet --strict SHA256SUMS) || { echo "$source is damaged: nothing was restored." >&2; exit 1; }

"${compose[@]}" up -d postgres
until "${compose[@]}" exec -T postgres pg_isready -q -h 127.0.0.1 -U rlhf -d rlhf; do sleep 1; done
tables=$("${compose[@]}" exec -T postgres psql -U rlhf -d rlhf -Atc "select count(*) from information_schema.tables where table_schema = 'public'")
[ "$tables" = 0 ] || { echo "the database has $tables tables already: restore into empty volumes (docker compose down --volumes removes them)." >&2; exit 1; }

"${compose[@]}" stop web trainer reward-model seed

unpack() { # SERVICE ARCHIVE
  "${compose[@]}" run --rm -T --no-deps --entrypoint tar "$1" -C /data -x <"$source/$2"
}

# Files first: the database, restored in one transaction and last, makes them count.
unpack trainer checkpoints.tar
unpack trainer runs.tar
unpack web keys.tar
"${compose[@]}" exec -T postgres pg_restore -U rlhf -d rlhf --no-owner --single-transaction --exit-on-error <"$source/database.dump"
echo "restored; start the services with: ${compose[*]} up -d"
