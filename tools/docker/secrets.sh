#!/usr/bin/env bash
# Makes the passwords of docker-compose.yml under ./secrets, once: files that are there stay as they are.
set -euo pipefail
directory=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/secrets

# Only this user enters the directory. The files themselves are readable: each is mounted into containers that run as other users.
umask 022
mkdir -p "$directory"
chmod 700 "$directory"

random() { head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }
write() { # NAME CONTENT: beside and renamed
  [ -s "$directory/$1" ] && return 0
  printf '%s\n' "$2" >"$directory/.$1.partial"
  mv "$directory/.$1.partial" "$directory/$1"
  printf 'made %s\n' "$directory/$1"
}

write postgres_password "$(random)"
# Kerberos between these containers is not to be asked for.
write database_connection_string "Host=postgres;Database=rlhf;Username=rlhf;Password=$(<"$directory/postgres_password");GSS Encryption Mode=Disable"
write rabbitmq_password "$(random)"
# The broker makes this user when it starts with an empty volume.
write rabbitmq.conf "default_user = rlhf
default_pass = $(<"$directory/rabbitmq_password")"
