#!/usr/bin/env bash
# ef.sh NAME: adds a migration for both databases. Afterwards read what it generated, then run the data tests.
# The tool wants projects whose output lies where MSBuild says by default; ARTIFACTS moves it elsewhere.
set -euo pipefail
name=${1:?usage: ef.sh NAME}
cd "$(dirname "$0")/../.."
export NUGET_PACKAGES=${NUGET_PACKAGES:-$HOME/.nuget/packages}
[ -z "${ARTIFACTS:-}" ] || export ArtifactsPath=$ARTIFACTS
dotnet tool restore -v q
dotnet build tools/Rlhf.Migrations -nologo -v q
for provider in Sqlite Postgres; do
  dotnet ef migrations add "$name" --no-build \
    --project "src/Shared/Rlhf.Data.$provider" --startup-project tools/Rlhf.Migrations \
    --output-dir Migrations -- "${provider,,}"
done
