#!/bin/sh
# Fetch what is not on PyPI, through the registries' own clients, on Debian or Ubuntu with npm:
#   recipes/search/fetch.sh FOLDER
# npm packages as they are; binary packages of Debian (Go, Rust, Ruby, PHP ship their source in them) as plain tar files;
# source packages of Debian (Java, C, C++) as their upstream archives, which needs deb-src lines in apt's sources.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1/npm" "$1/debian" "$1/work"
cd "$1"
while read -r name; do
  (cd npm && npm pack --silent --ignore-scripts "$name" > /dev/null) || echo "left out: $name" >&2
done < "$here/npm.txt"
while read -r name; do
  (cd work && apt-get download -qq "$name") || echo "left out: $name" >&2
done < "$here/debian-binary.txt"
for package in work/*.deb; do
  [ -e "$package" ] && dpkg-deb --fsys-tarfile "$package" > "debian/$(basename "$package" .deb).tar"
done
while read -r name; do
  (cd work && apt-get source --download-only -qq "${name%%=*}") || echo "left out: $name" >&2
done < "$here/debian-source.txt"
find work -name '*.orig.tar.*' ! -name '*.asc' -exec mv {} debian/ \;
rm -r work
find "$PWD/npm" "$PWD/debian" -type f > fetched.txt
