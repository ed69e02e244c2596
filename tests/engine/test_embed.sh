#!/bin/sh
# test_embed.sh PROGRAM LIBRARY: the embedder works, and the library exports only what its header
# declares.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
echo "something to seal" > "$dir/source.txt"
"$1" "$dir" "$dir/source.txt"
cmp "$dir/source.txt" "$dir/restored/source.txt"

header=$(dirname "$0")/../../engine/include/adpseal.h
nm -D --defined-only "$2" | awk '$2 != "A" && $2 != "a" {print $3}' | sort > "$dir/exported"
grep -oE '\badp_[a-z_]+\(' "$header" | tr -d '(' | sort -u > "$dir/declared"
# Functions alone are exported; what the header names beyond them is in comments.
extra=$(comm -23 "$dir/exported" "$dir/declared")
if [ -n "$extra" ]; then
    echo "exported, but not declared in adpseal.h: $extra"
    exit 1
fi
grep -q '^adp_seal$' "$dir/exported"
